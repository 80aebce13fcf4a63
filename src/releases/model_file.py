"""A LightGBM model in a bundle: its text, checked for structure before LightGBM's loader sees it."""

from pathlib import Path

import lightgbm as lgb

from releases.structure import check_model_text


def write_model(folder: Path, name: str, booster: lgb.Booster) -> None:
    """Without the parameters section, which names threads and files of the training machine."""
    text: str = booster.model_to_string(num_iteration=-1)
    head, separator, _ = text.partition("\nparameters:\n")
    (folder / f"{name}.txt").write_text(head + "\n" if separator else text, encoding="utf-8")


def read_model(folder: Path, name: str, names: tuple[str, ...], where: str) -> lgb.Booster:
    """names: the facts it must have been trained on; Refused where it was not, or is damaged."""
    text = (folder / f"{name}.txt").read_text(encoding="utf-8")
    check_model_text(text, names, f"{where}: {name}")
    return lgb.Booster(model_str=text)
