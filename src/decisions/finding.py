"""Findings: which stated bound a week breaks, by how much, and what to do; in English and in Chinese."""

from dataclasses import dataclass

from decisions.bounds import Level


@dataclass(frozen=True)
class Finding:
    """One broken bound. bound: its place in config/watch.yaml, or in the policy; subject: the fact, score,
    table, slice or group."""

    level: Level
    bound: str
    subject: str
    figure: float
    limit: float
    english: str
    chinese: str
    todo: str
    todo_chinese: str


@dataclass(frozen=True)
class Change:
    """Customers of last week's base who left this week's, who came, and how many there were."""

    lost: int
    gained: int
    before: int


FEED = (
    "compare the source of the tables it is read from with last week's; mend it, run `holdfast check` and "
    "score again",
    "核对相关数据表的来源与上周是否一致；修复后重新运行 `holdfast check` 并评分",
)
MODEL = (
    "look at the drifted facts below; if the customers changed and not the data, train and promote anew",
    "查看下方漂移的特征；若是客户变化而非数据问题，请重新训练并发布模型",
)
LATE = (
    "ask for the missing delivery, then run `holdfast import`, `holdfast check` and score again",
    "催补缺失的数据，再运行 `holdfast import`、`holdfast check` 并重新评分",
)
