"""Holdfast every Monday on Airflow 3: import, check, score.

Copy it into the folder of DAGs and put the variables of holdfast.env into the workers' environment. Each step
ends with 0 (done) or 1 (refused, with the reason in the task's log).
"""

import pendulum
from airflow.providers.standard.operators.bash import BashOperator
from airflow.sdk import DAG

HOME = '--home "$HOLDFAST_HOME"'

with DAG(
    dag_id="holdfast_weekly",
    schedule="0 5 * * 1",
    start_date=pendulum.datetime(2026, 1, 5, tz="Asia/Shanghai"),
    catchup=False,  # a missed Monday is scored by hand with --as-of, not by a queue of old weeks
    max_active_runs=1,
    default_args={"retries": 0},  # a refused week must be looked at; run again, it is refused again
):
    import_ = BashOperator(
        task_id="import",
        bash_command=f'holdfast import "$HOLDFAST_SOURCE" {HOME} ${{HOLDFAST_RAW:+--raw "$HOLDFAST_RAW"}}',
    )
    check = BashOperator(task_id="check", bash_command=f"holdfast check {HOME}")
    # The moment the run is for, so that clearing an old run's task scores the old Monday again. What the week
    # was held against goes to the log either way; the exit code is that of the score.
    moment = '{{ (logical_date or dag_run.run_after).in_timezone("Asia/Shanghai").isoformat() }}'
    score = BashOperator(
        task_id="score",
        bash_command=f"holdfast score {HOME} --as-of '{moment}'; code=$?; holdfast watch {HOME}; exit $code",
    )
    import_ >> check >> score
