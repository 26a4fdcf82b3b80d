"""The ``dragoman voices`` commands: make synthetic speech, train the small encoders, measure them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from dragoman.errors import DragomanError

app = typer.Typer(help="Voice encoders: train and measure them.", no_args_is_help=True)

Folder = Annotated[
    Path, typer.Argument(help="Speech: a subfolder of audio files per speaker, or what make-speech made.")
]
Seed = Annotated[int, typer.Option(help="The same seed gives the same result.")]
Work = Annotated[
    Path, typer.Option(help="Where prepared features and checkpoints are kept; training goes on from there.")
]


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, TextColumn("{task.fields[note]}"), console=console)


def _run(work: Callable[[], None]) -> None:
    """Run a command; say what is wrong in plain words."""
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    try:
        work()
    except DragomanError as error:
        console.print(f"dragoman: {error}", style="red", markup=False)
        raise typer.Exit(1) from None
    except ModuleNotFoundError as error:
        name = (error.name or "").partition(".")[0]
        if name == "dragoman":
            raise
        console.print(
            f'dragoman: training needs {name}, which is not installed: pip install "dragoman[voices-train]"',
            style="red",
            markup=False,
        )
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        console.print("stopped; the same command goes on from the last checkpoint")
        raise typer.Exit(130) from None


@app.command("make-speech")
def make_speech(
    folder: Annotated[Path, typer.Argument(help="Where; a subfolder per speaker, and speech.json.")],
    utterances: Annotated[int, typer.Option(min=2, help="Of each speaker.")] = 10,
    speakers: Annotated[int | None, typer.Option(min=6, help="Only so many of them; all 264 if not given.")] = None,
    seed: Seed = 1,
) -> None:
    """Make speech of voices that belong to nobody, by espeak-ng and flite, to train on."""
    from dragoman.voices.training import speech

    def work() -> None:
        people = len(speech.speakers(seed, speakers))
        with _progress(Console(stderr=True)) as progress:
            task = progress.add_task("speaking", total=people * utterances, note="")
            for clip in speech.make_speech(folder, utterances=utterances, seed=seed, people=speakers):
                progress.update(task, advance=1, note=clip.speaker)
        Console().print(f"speech of {people} speakers in {folder}")

    _run(work)


def _train(
    kind: Literal["style", "identity"],
    folder: Path,
    out: Path,
    work: Path,
    steps: int | None,
    minutes: float,
    seed: int,
) -> None:
    from dragoman.voices.training import job

    console = Console(stderr=True, highlight=False, soft_wrap=True)
    with _progress(console) as progress:
        tasks: dict[str, TaskID] = {}

        def told(stage: str, done: int, total: int, note: str) -> None:
            if stage not in tasks:
                tasks[stage] = progress.add_task(stage, total=total, note="")
            progress.update(tasks[stage], completed=done, note=note)

        made = job.train_encoder(
            kind, folder, out, work, steps=steps, minutes=minutes, seed=seed, told=told, say=console.print
        )
    for line in made.summary:
        console.print(line)
    console.print(f"wrote {made.weights} and its card {made.card}")


Out = Annotated[Path, typer.Option(help="Where the ONNX file and its model card go.")]
Steps = Annotated[int | None, typer.Option(min=1, help="Batches; some 10 minutes' worth on one core if not given.")]
Minutes = Annotated[float, typer.Option(min=0.1, help="Refuse to train on less speech than this.")]


@app.command("train-style")
def train_style(
    folder: Folder,
    out: Out = Path("voices-out"),
    work: Work = Path("voices-work"),
    steps: Steps = None,
    minutes: Minutes = 10.0,
    seed: Seed = 1,
) -> None:
    """Train the 64-D style encoder (GST) on any folder of speech; needs no transcripts."""
    _run(lambda: _train("style", folder, out, work, steps, minutes, seed))


@app.command("train-identity")
def train_identity(
    folder: Folder,
    out: Out = Path("voices-out"),
    work: Work = Path("voices-work"),
    steps: Steps = None,
    minutes: Minutes = 10.0,
    seed: Seed = 1,
) -> None:
    """Train the small identity encoder (ECAPA-TDNN) on a folder with a subfolder of speech per speaker."""
    _run(lambda: _train("identity", folder, out, work, steps, minutes, seed))
