"""``vision models``: list, pull, verify, export and quantise models."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from rich.console import Console
from rich.table import Table
from rich.text import Text

from vision.cli.transfers import ConsoleTransfers
from vision.config.loader import load_settings
from vision.config.settings import Settings
from vision.domain.errors import ConfigError
from vision.models.catalogue import Artefact, Catalogue, ModelEntry, UrlSource, load_catalogue
from vision.models.digest import sha256_of, short
from vision.models.folders import Folders
from vision.models.pull import pull_clip
from vision.models.register import register
from vision.models.store import LOADABLE, WEIGHTS, ModelStore, pullable, unknown_hash

if TYPE_CHECKING:
    from vision.cli.main import Subparsers
    from vision.inference.export import ExportFormat

_BYTES_PER_MB = 1e6
_ABSENT = "-"
_PIPE_WIDTH = 200


def add_parser(subparsers: Subparsers) -> None:
    """Add the command and its verbs to the parser."""
    parser = subparsers.add_parser("models", help="list, pull, verify, export and quantise models")
    verbs = parser.add_subparsers(required=True, metavar="VERB")
    listing = verbs.add_parser("list", help="the models and clips, and which are here")
    listing.set_defaults(run=run_list)
    pulling = verbs.add_parser("pull", help="download what can be had; default: what auto uses")
    pulling.add_argument("names", nargs="*", metavar="NAME", help="model or clip")
    pulling.set_defaults(run=run_pull)
    verifying = verbs.add_parser("verify", help="hash what is here; exit code 1 if it is changed")
    verifying.add_argument("names", nargs="*", metavar="NAME", help="model or clip; default: all")
    verifying.set_defaults(run=run_verify)
    exporting = verbs.add_parser("export", help="make a loadable file from PyTorch weights")
    exporting.add_argument("names", nargs="+", metavar="NAME", help="model")
    exporting.add_argument("--format", choices=("onnx", "openvino"), default="onnx")
    exporting.set_defaults(run=run_export)
    quantising = verbs.add_parser("quantize", help="make an int8 build: faster on a CPU")
    quantising.add_argument("name", metavar="NAME", help="model")
    quantising.add_argument(
        "paths",
        nargs="*",
        type=Path,
        metavar="PATH",
        help="what to calibrate on: a folder of pictures, a picture or a clip",
    )
    quantising.add_argument(
        "--camera",
        action="append",
        default=[],
        dest="cameras",
        metavar="NAME",
        help="a camera of the settings to calibrate on; can be repeated",
    )
    quantising.add_argument(
        "--seconds", type=float, default=60.0, help="how long each camera is watched (60)"
    )
    quantising.set_defaults(run=run_quantize)
    registering = verbs.add_parser("register", help="take up an engine that TensorRT built here")
    registering.add_argument("name", metavar="NAME", help="the model it was built from")
    registering.add_argument("file", type=Path, metavar="FILE", help="what trtexec saved")
    registering.set_defaults(run=run_register)
    for verb in (listing, pulling, verifying, exporting, quantising, registering):
        verb.add_argument("--config", type=Path, metavar="FILE", help="default: vision.yaml")
        verb.add_argument("--models-dir", type=Path, metavar="DIR", help="folder of model files")


def run_list(args: argparse.Namespace) -> int:
    """Print a table of models and clips."""
    store = _store(args)
    table = Table("name", "here", "file", "size", "sha256", "source", "note", box=None)
    for column in table.columns[:5]:
        column.no_wrap = True
    for entry in store.catalogue.models.values():
        _add_model(table, entry, store)
    for name, clip in store.catalogue.clips.items():
        here = (store.folders.clips / clip.file).is_file()
        _add_row(table, name, clip, "yes" if here else _ABSENT)
    console = Console()
    if not console.is_terminal:
        # A pipe has no width that lines would have to fit.
        console = Console(width=_PIPE_WIDTH)
    console.print(table)
    folders = ", ".join(str(folder) for folder in store.folders.model_folders)
    console.print(f"models: {folders}; clips: {store.folders.clips}", soft_wrap=True)
    return 0


def run_pull(args: argparse.Namespace) -> int:
    """Download the named models and clips, or what ``auto`` falls back on."""
    store = _store(args)
    for name in args.names or [store.catalogue.auto[-1]]:
        print(_pull(name, store))
    return 0


def run_verify(args: argparse.Namespace) -> int:
    """Hash the files of the named models and clips, or of all."""
    store = _store(args)
    _refuse_unknown(args.names, _names(store.catalogue))
    verdicts = list(_verdicts(args.names, store))
    for right, line in verdicts:
        print(f"{'ok ' if right else 'BAD'} {line}")
    if not verdicts:
        print("nothing to verify: run `vision models pull`")
    return 0 if all(right for right, _ in verdicts) else 1


def run_export(args: argparse.Namespace) -> int:
    """Export the named models."""
    # The engine is loaded for this verb only: the others answer at once.
    from vision.inference.export import export_model  # noqa: PLC0415  as said above

    store = _store(args)
    _refuse_unknown(args.names, [*store.catalogue.models])
    for entry in [store.catalogue.models[name] for name in args.names]:
        file = export_model(entry, store, ConsoleTransfers(), cast("ExportFormat", args.format))
        print(f"{entry.name}: {file.path} ({file.origin}, sha256 {short(file.sha256)})")
    return 0


def run_quantize(args: argparse.Namespace) -> int:
    """Quantise a model."""
    from vision.runtime.commands.quantizing import quantize  # noqa: PLC0415  as in run_export

    settings = load_settings(args.config)
    store = _store_of(settings, args)
    _refuse_unknown([args.name], [*store.catalogue.models])
    file = quantize(
        store.catalogue.model(args.name),
        store,
        settings,
        ConsoleTransfers(),
        paths=args.paths,
        cameras=args.cameras,
        record_s=args.seconds,
    )
    print(f"{args.name}: {file.path} ({file.origin}, sha256 {short(file.sha256)})")
    return 0


def run_register(args: argparse.Namespace) -> int:
    """Take up an engine of TensorRT."""
    store = _store(args)
    _refuse_unknown([args.name], [*store.catalogue.models])
    file = register(store.catalogue.model(args.name), args.file, store)
    print(f"{args.name}: {file.path} ({file.origin}, sha256 {short(file.sha256)})")
    return 0


def _store(args: argparse.Namespace) -> ModelStore:
    return _store_of(load_settings(args.config), args)


def _store_of(settings: Settings, args: argparse.Namespace) -> ModelStore:
    folders = Folders.of(args.models_dir or settings.models_dir)
    return ModelStore(load_catalogue(), folders)


def _names(catalogue: Catalogue) -> list[str]:
    return [*catalogue.models, *catalogue.clips]


def _pull(name: str, store: ModelStore) -> str:
    """Pull one model or clip; returns the line that says what is there now."""
    _refuse_unknown([name], _names(store.catalogue))
    clip = store.catalogue.clips.get(name)
    if clip is not None:
        return f"{name}: {pull_clip(clip, store.folders, ConsoleTransfers())}"
    entry = store.catalogue.model(name)
    present = store.loadable(entry)
    if present is not None:
        return f"{name}: {present.path} is there already"
    if pullable(entry, LOADABLE):
        return f"{name}: {store.pull(entry, LOADABLE, ConsoleTransfers()).path}"
    weights = store.weights(entry) or store.pull(entry, WEIGHTS, ConsoleTransfers())
    return f"{name}: {weights.path}: make it loadable with `vision models export {name}`"


def _refuse_unknown(names: Iterable[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{name!r} is not in the catalogue: known here: {', '.join(known)}")


def _verdicts(names: list[str], store: ModelStore) -> Iterator[tuple[bool, str]]:
    """Whether each file that is there is right, and a line that says so."""
    for entry in store.catalogue.models.values():
        if names and entry.name not in names:
            continue
        files = store.files(entry)
        if names and not files:
            yield False, f"{entry.name}: no file is there: run `vision models pull {entry.name}`"
        for file in files:
            right = file.origin is not None
            yield right, f"{file.path} ({file.origin})" if right else str(unknown_hash(entry, file))
    for name, clip in store.catalogue.clips.items():
        path = store.folders.clips / clip.file
        if names and name not in names:
            continue
        if path.is_file():
            right = sha256_of(path) == clip.sha256
            yield right, str(path) if right else f"{path}: changed: remove it and pull it again"
        elif names:
            yield False, f"{name}: {path} is missing: run `vision models pull {name}`"


def _add_model(table: Table, entry: ModelEntry, store: ModelStore) -> None:
    files = store.files(entry)
    known = {file.sha256 for file in files}
    for file in files:
        table.add_row(
            entry.name,
            Text("yes", "green") if file.origin else Text("bad hash", "red"),
            file.path.name,
            _size(file.size),
            short(file.sha256),
            _ABSENT,
            file.origin or "not in the catalogue",
        )
    for artefact in entry.artefacts:
        if artefact.sources and artefact.sha256 not in known:
            _add_row(table, entry.name, artefact, _ABSENT)


def _add_row(table: Table, name: str, artefact: Artefact, here: str) -> None:
    table.add_row(
        name,
        here,
        artefact.file,
        _size(artefact.size),
        short(artefact.sha256),
        ", ".join(dict.fromkeys(_source_name(artefact))),
        artefact.note,
    )


def _source_name(artefact: Artefact) -> Iterator[str]:
    for source in artefact.sources:
        if isinstance(source, UrlSource):
            yield source.url.split("/")[2]
        else:
            yield f"{source.package} {source.version}"


def _size(size_bytes: int) -> str:
    return f"{size_bytes / _BYTES_PER_MB:.1f} MB"
