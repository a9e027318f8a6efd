"""The curves of runs in Azure ML studio's Metrics, through MLflow.

`python configs/azure/studio.py RUN ...` sends each line of a run's `metrics.jsonl`. In
a job they become the job's own metrics; elsewhere each run becomes a run of MLflow.
Where MLflow is not installed, nothing happens; where it fails, that is said and the
status stays 0, since the training is done and kept.
"""

import json
import os
import sys
from pathlib import Path


def main() -> int:
    """Send the metrics of the runs that the command line names."""
    try:
        import mlflow  # noqa: PLC0415 - it may be absent
    except ModuleNotFoundError:
        return 0
    try:
        for run in map(Path, sys.argv[1:]):
            text = (run / "metrics.jsonl").read_text(encoding="utf-8")
            epochs = [json.loads(line) for line in text.splitlines()]
            name = None if "MLFLOW_RUN_ID" in os.environ else run.name  # a job has one
            with mlflow.start_run(run_name=name):
                for epoch in epochs:
                    step = epoch.pop("step")
                    finite = {tag: n for tag, n in epoch.items() if n is not None}
                    mlflow.log_metrics(finite, step=step)
            print(f"the metrics of {run} are at {mlflow.get_tracking_uri()}")
    except OSError as error:
        print(f"error: no metrics to send: {error}", file=sys.stderr)
        return 2
    except mlflow.exceptions.MlflowException as error:
        print(f"warning: MLflow did not take the metrics: {error}", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
