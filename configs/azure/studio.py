"""The curves of runs in Azure ML studio's Metrics, through MLflow.

`python configs/azure/studio.py RUN ...` sends each line of a run's `metrics.jsonl`. In
a job they become the job's own metrics; elsewhere each run becomes a run of MLflow.
Where MLflow is not installed, nothing happens; where it fails, that is said and the
status stays 0, since the training is done and kept.
"""

import os
import sys
from pathlib import Path
from typing import Any

from torchbasics.command.errors import UserError
from torchbasics.command.output import visible
from torchbasics.mnist.training import metrics


def main() -> int:
    """Send the metrics of the runs that the command line names."""
    try:
        import mlflow  # noqa: PLC0415 - it may be absent
    except ModuleNotFoundError:
        return 0
    status = 0
    for run in map(Path, sys.argv[1:]):
        try:
            send(mlflow, run)
        except (UserError, OSError) as error:  # the others are sent all the same
            print(f"error: no metrics to send: {visible(error)}", file=sys.stderr)
            status = 2
        except mlflow.exceptions.MlflowException as error:
            said = f"MLflow did not take the metrics: {visible(error)}"
            print(f"warning: {said}", file=sys.stderr)
    return status


def send(mlflow: Any, run: Path) -> None:
    """Send each epoch of a run. Raises UserError if there is none."""
    epochs = metrics.read(run / "metrics.jsonl")
    if not epochs:
        raise UserError(f"{run} has no metrics.jsonl with an epoch")
    name = None if "MLFLOW_RUN_ID" in os.environ else run.name  # a job has one
    with mlflow.start_run(run_name=name):
        for epoch in epochs:
            step = epoch.pop("step")
            finite = {tag: n for tag, n in epoch.items() if n is not None}
            mlflow.log_metrics(finite, step=step)
    print(f"the metrics of {visible(run)} are at {mlflow.get_tracking_uri()}")


if __name__ == "__main__":
    sys.exit(main())
