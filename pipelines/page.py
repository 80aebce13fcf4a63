from pipelines.report import Report


def page_of(report: Report) -> str:
    return "<!doctype html>"
