"""Every argument and option of the command line, declared once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

Data = Annotated[Path, typer.Argument(metavar="DATA", help="A folder of images and masks, in any known layout.")]
RunOnly = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder.")]
RunFolder = Annotated[Path, typer.Argument(metavar="RUN", help="A run folder, or a bundle: a folder or a zip.")]
RunFolders = Annotated[list[Path], typer.Argument(metavar="RUN...", help="Run folders or bundles, two or more.")]
JudgeData = Annotated[
    Path | None,
    typer.Option("--data", metavar="DATA", help="Judge all runs anew on this folder.  [default: as they were judged]"),
]
BundleOut = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="OUT", help="A folder, or a file that ends in .zip.  [default: RUN/bundle]"),
]
DataLicence = Annotated[
    str | None,
    typer.Option(
        "--data-licence",
        metavar="NAME",
        help="The licence of the photos and masks, for the model card.  [default: as the last bundle states]",
    ),
]
Page = Annotated[Path | None, typer.Option("--out", "-o", metavar="PAGE", help="Also write a page, an HTML file.")]

PageFile = Annotated[
    Path | None,
    typer.Option("--out", "-o", metavar="PAGE", help="The page, an HTML file.  [default: report.html in RUN]"),
]

Out = Annotated[Path | None, typer.Option("--out", "-o", metavar="OUT", help="The folder to write.")]
OutFile = Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="The file to write.")]
OutFolder = Annotated[Path, typer.Option("--out", "-o", metavar="OUT", help="The folder to write.")]
Paths = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="PATHS...",
        help="Photos: files, folders, patterns such as 'in/*.jpg', zip and tar archives, films; - for one on standard "
        "input; camera:0 for a camera.",
    ),
]
FromList = Annotated[
    str | None,
    typer.Option("--from-list", metavar="FILE", help="Also take the paths that this file lists; - for standard input."),
]
Predicted = Annotated[
    str,
    typer.Option("--out", "-o", metavar="OUT", help="The folder to write; - for one photo's mask on standard output."),
]
Labels = Annotated[
    Path | None,
    typer.Option("--labels", metavar="MASKS", help="Masks of the same names: print what was labelled beside it."),
]
Write = Annotated[
    str,
    typer.Option(
        "--write",
        metavar="KINDS",
        help="What is written beside the masks, with commas: colours, overlays, probs, uncertainty, geojson, objects, "
        "coco, films; or masks for nothing else.",
    ),
]
Every = Annotated[int, typer.Option("--every", min=1, metavar="N", help="Of films and cameras, see every N-th frame.")]
Seconds = Annotated[
    float | None,
    typer.Option("--seconds", min=0.1, help="How long a camera is looked at.  [default: until Ctrl-C]"),
]
With = Annotated[
    list[Path] | None,
    typer.Option("--with", metavar="RUN", help="Another run or bundle: the mean of what they say. May be repeated."),
]
TilePx = Annotated[
    int | None,
    typer.Option(
        "--tile-px",
        min=64,
        max=16384,
        help="See photos with a longer side in overlapping tiles of this side, a multiple of 32.  "
        "[default: 1024 or the training's crop, for photos of more than 16 megapixels]",
    ),
]
NoTile = Annotated[bool, typer.Option("--no-tile", help="See photos of every size whole.")]
Faults = Annotated[
    float,
    typer.Option("--faults", min=0, max=0.5, metavar="SHARE", help="Share of the training masks with a planted fault."),
]

Format = Annotated[str, typer.Option("--to", metavar="FORMAT", help="The format to write.")]
Link = Annotated[
    bool, typer.Option("--link", help="Make hard links of the photos instead of copies; never of the masks.")
]

Names = Annotated[
    str | None, typer.Option("--classes", metavar="A,B,...", help="Class names in the order of their pixel values.")
]
Budget = Annotated[str, typer.Option("--budget", metavar="TIME", help="Time for all of it: 90s, 20m, 1h30m.")]
BudgetOrNone = Annotated[
    str | None,
    typer.Option(
        "--budget", metavar="TIME", help="Time for all of it: 90s, 20m, 1h30m; the length of training is adapted to it."
    ),
]
BudgetOfRung = Annotated[
    str | None,
    typer.Option("--budget", metavar="TIME", help="Time for each rung: 90s, 20m, 1h30m; its length is scaled to it."),
]
Settings = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A setting of the recipe, kept as given. May be repeated."),
]
RecipeFile = Annotated[
    str | None,
    typer.Option(
        "--recipe",
        metavar="FILE|NAME",
        help="Train by this recipe instead of planning one: a file, or one that stands ready (docs/ladder.md).",
    ),
]
Model = Annotated[str | None, typer.Option("--model", metavar="NAME", help="The architecture; short for --set model=.")]
Weights = Annotated[
    str | None,
    typer.Option(
        "--weights",
        metavar="NAME",
        help="Where training starts from: auto (the default), none, a name of maskwright weights, a file, or a run.",
    ),
]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of every random draw.  [default: 0]")]
Threads = Annotated[int | None, typer.Option("--threads", min=1, help="Threads of torch.  [default: all cores]")]
BenchSizes = Annotated[
    list[int] | None,
    typer.Option(
        "--size", min=1, help="Side of the photos in pixels; may be repeated.  [default: what RUN was trained on]"
    ),
]
BenchThreads = Annotated[
    list[int] | None,
    typer.Option("--threads", min=1, help="Threads to compute with; may be repeated.  [default: 1, and all cores]"),
]
BenchSeconds = Annotated[float, typer.Option("--seconds", min=0.1, help="For each figure of each case.")]
OwnModel = Annotated[
    str | None,
    typer.Option(
        "--model",
        metavar="MODULE:FUNCTION",
        help="Your own code that RUN was trained with: it may be imported.",
    ),
]
Device = Annotated[str, typer.Option("--device", metavar="NAME", help="auto, cpu, cuda or cuda:N.")]
Ray = Annotated[
    str | None,
    typer.Option(
        "--ray",
        metavar="ADDRESS",
        help="Work on a Ray cluster: HOST:PORT of its head, auto for this machine's, or local.",
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option("--nodes", min=1, help="Machines of the cluster that train together.  [default: all that can]"),
]
PostProcess = Annotated[
    bool,
    typer.Option(
        "--postprocess/--no-postprocess", help="Take the steps that maskwright tune fitted, where the run has them."
    ),
]
TTA = Annotated[
    bool,
    typer.Option(
        "--tta/--no-tta",
        help="Look at each photo in all ways that the recipe names (scales, mirrored); once is several times as fast.",
    ),
]
Runtime = Annotated[
    Literal["torch", "onnx", "openvino", "openvino-int8", "auto"],
    typer.Option(
        "--runtime", help="What computes the network: torch, an export of RUN, or auto: the fastest on this machine."
    ),
]
ExportFormat = Annotated[Literal["onnx", "openvino"], typer.Option("--format", help="For which runtime.")]
Int8 = Annotated[
    bool, typer.Option("--int8", help="Compute in 8 bits what can be: calibrated and judged on DATA. OpenVINO only.")
]
Int8Data = Annotated[
    Path | None, typer.Option("--data", metavar="DATA", help="For --int8.  [default: what RUN was made from]")
]
MaxLoss = Annotated[
    float, typer.Option("--max-loss", min=0, metavar="POINTS", help="What mDice may lose by --int8, in points.")
]
ExportResize = Annotated[
    bool, typer.Option("--resize", help="Bring the answer to the photos' size inside of the file; else it is smaller.")
]
ExportOutput = Annotated[
    Literal["logits", "mask"],
    typer.Option("--output", help="What the file gives: logits, or the most probable class; that only with -o."),
]
Offline = Annotated[bool, typer.Option("--offline", help="Forbid every network call; only weights are ever fetched.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse data with any unusable sample.")]
AllowLeak = Annotated[bool, typer.Option("--allow-leak", help="Accept the same photo in two splits.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where the run in OUT stopped.")]
Track = Annotated[
    list[str] | None,
    typer.Option(
        "--track",
        metavar="TRACKER",
        help="Also send the run to a tracker while it is trained: clearml, mlflow or tensorboard; mlflow=ADDRESS.",
    ),
]
SplitOrAll = Annotated[
    str | None, typer.Option("--split", metavar="NAME", help="Look at this split only.  [default: all]")
]
Thresholds = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="A threshold, as docs/audit-thresholds.md lists them. May be repeated."
    ),
]
Checks = Annotated[
    list[str] | None,
    typer.Option("--check", metavar="MODULE:FUNCTION", help="A check of your own: it is imported. May be repeated."),
]
JudgingRun = Annotated[
    Path | None,
    typer.Option("--run", metavar="RUN", help="A run or bundle that judges masks it was not trained on."),
]
FoldsBudget = Annotated[
    str | None,
    typer.Option(
        "--budget",
        metavar="TIME",
        help="Time for all of it, e.g. 15m: masks are judged by models trained for it on other photos.",
    ),
]
FailOn = Annotated[
    float | None,
    typer.Option("--fail-on", min=0, max=1, metavar="SEVERITY", help="Exit with 1 when a finding is so severe."),
]
Split = Annotated[str, typer.Option("--split", metavar="NAME", help="The split to judge on.")]
TunedSplit = Annotated[
    str, typer.Option("--split", metavar="NAME", help="The split to fit on; never test, never the training data.")
]

SpaceFile = Annotated[
    Path, typer.Option("--space", metavar="FILE", help="What is tried: settings with their values or ranges, in YAML.")
]
Sampler = Annotated[
    Literal["grid", "random", "tpe"],
    typer.Option("--sampler", help="What is tried next: every point, at random, or what was good so far."),
]
Pruner = Annotated[
    Literal["none", "asha", "hyperband"],
    typer.Option("--pruner", help="Which trials are stopped early, judged at their validations."),
]
Trials = Annotated[
    int | None,
    typer.Option("--trials", min=1, help="How many trials.  [default: what --budget or the grid gives, else 20]"),
]
SweepBudget = Annotated[
    str | None, typer.Option("--budget", metavar="TIME", help="Time for all of it, over all resumes: 40m, 2h.")
]
TrialBudget = Annotated[
    str | None,
    typer.Option(
        "--trial-budget", metavar="TIME", help="Time of a trial.  [default: as many iterations as are given, else 5m]"
    ),
]
Workers = Annotated[int, typer.Option("--workers", min=1, help="Trials at the same time, each in its own process.")]
Finalists = Annotated[int, typer.Option("--finalists", min=0, help="How many of the best are trained again.")]
Seeds = Annotated[int, typer.Option("--seeds", min=0, help="With how many new seeds each; 3 or more give a verdict.")]
Metric = Annotated[
    Literal["mDice", "mDice_foreground", "mIoU", "mAcc", "aAcc"],
    typer.Option("--metric", help="The score on val that is searched for."),
]

MmsegConfig = Annotated[Path, typer.Argument(metavar="CONFIG", help="A config of MMSegmentation 1.x.")]
MmsegCheckpoint = Annotated[
    Path | None, typer.Argument(metavar="[CHECKPOINT]", help="A checkpoint that was trained by it.")
]
Side = Annotated[int, typer.Option("--size", min=32, max=4096, help="Side of the photo that is counted for, in px.")]
Timed = Annotated[bool, typer.Option("--time", help="Also time each architecture on this machine, in float32.")]

JournalFile = Annotated[
    Path | None,
    typer.Option(
        "--journal", metavar="J", help="The file of decisions.  [default: journal.jsonl in the audit's folder]"
    ),
]
AuditOf = Annotated[
    Path | None,
    typer.Option(
        "--audit", metavar="FOLDER", help="The folder that audit -o wrote to.  [default: DATA.maskwright beside DATA]"
    ),
]
NewFolder = Annotated[Path, typer.Option("--out", "-o", metavar="NEW", help="The folder of the new dataset.")]
Port = Annotated[
    int | None,
    typer.Option("--port", min=0, max=65535, help="Port to serve on, 0 for any.  [default: 8765, or any free one]"),
]
Host = Annotated[
    str, typer.Option("--host", metavar="ADDRESS", help="Interface to serve on; one that others reach needs --person.")
]
Persons = Annotated[
    list[str] | None,
    typer.Option("--person", metavar="NAME", help="Who decides; each gets an address of their own. May be repeated."),
]
OpenBrowser = Annotated[bool, typer.Option("--browser/--no-browser", help="Open the page in the browser.")]

Language = Literal["en", "ru"]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON value; progress goes to standard error.")]
Lang = Annotated[Language, typer.Option("--lang", help="Language of what is printed and reported.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]
