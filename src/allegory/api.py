"""The functions of `import allegory as al`."""

import contextlib
import dataclasses
import weakref
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from allegory import methods, pages, questions, train
from allegory.adapting import choosing
from allegory.adapting.adapted import Adapted
from allegory.adapting.target import labelled
from allegory.core import Method, Misuse, Problem, plain
from allegory.data import Source, open_source
from allegory.data.source import Part
from allegory.questions import Score, Scores
from allegory.questions.asking import Asked
from allegory.representation import Representation
from allegory.runs import Origin, Recorder, Run, data_facts, read_origin, read_settings, surroundings
from allegory.train import Interrupted, Learner, NotFinite, Settings, checkpoints
from allegory.train.fit import pick_device, suits, usable
from allegory.train.health import Watch
from allegory.train.progress import Progress
from allegory.views import VIEWS

_data_of: "weakref.WeakKeyDictionary[Representation, Source]" = weakref.WeakKeyDictionary()


def load(data: Any, labels: Any = None, **options: Any) -> Source:
    """Observations from a name ("digits"), a folder, a file, an array, a DataFrame or a torch Dataset. See `data.open_source`."""
    return open_source(data, labels=labels, **options)


def default_method(source: Source) -> Method[Any]:
    """SimCLR for images, BetaVAE for vectors (whose beta and number of latents follow the data)."""
    return methods.find("SimCLR" if getattr(source.spec, "is_image", False) else "BetaVAE")()


def learn(
    data: Any, method: Method[Any] | str | None = None, *, out: Path | str | None = None, resume: bool = False, overwrite: bool = False,
    settings: Settings | None = None, all_items: bool = False, quiet: bool = True, origin: Origin | None = None, save_every: float = 10.0,
    **said: Any,
) -> Representation:  # fmt: skip
    """Learns a representation of the training part of `data` (of all of it with `all_items`).

    `said` are fields of `train.Settings`: seed, steps, epochs or budget (seconds), batch, device, precision ... `out` is a folder for
    the run (config, metrics, checkpoints every `save_every` seconds, model). With `resume` a run that was stopped there goes on, with
    its own settings, to bit-identical weights; where there is none it begins. `origin` says how to open the data again.
    Raises `Problem` when data and method do not suit each other or learning diverges, `Interrupted` on Ctrl-C.
    """
    source = load(data)
    source.check()
    asked = methods.find(method)() if isinstance(method, str) else method
    method, settings = asked or default_method(source), settings or Settings(**said)
    watch = Watch(loud=not quiet)
    progress = [] if quiet else [Progress(watch)]
    if out is None:
        index = _every(source) if all_items else None
        fitted = train.fit(method, source, settings, index=index, listeners=[watch, *progress])
        watch.look(fitted.method, fitted.net)
        return _kept(Representation.of(fitted, **_more(source, watch, all_items)), source)
    if not (resume and Run(Path(out)).started):
        _can_begin(method, source, settings)
    run = Run.begin(out, resume, overwrite)
    if run.started:
        method, settings, origin = _taken_up(run, asked)
    elif origin is None:
        origin = Origin.of(data, all_items=all_items)
    if run.learned:
        run.write_facts(state="done")
        return _kept(run.representation, source)
    recorder = Recorder(run, watch, save_every, loud=not quiet)
    return _kept(_recorded(recorder, source, method, settings, origin, progress), source)


def _can_begin(method: Method[Any], source: Source, settings: Settings) -> None:
    """Raises what is wrong at first sight, before a folder is made or cleared."""
    pick_device(settings.device)
    suits(method, source.spec, len(usable(method, source, source.part("train"))))


def _taken_up(run: Run, method: Method[Any] | None) -> tuple[Method[Any], Settings, Origin]:
    """What a run was begun with. Raises `Misuse` when it is of another method than the one that is asked for."""
    own, settings = from_config(run.config)
    if method is not None and type(method) is not type(own):
        raise Misuse(
            f"{run.path} is a run of {type(own).__name__}, not of {type(method).__name__}; choose another --out, or --overwrite it"
        )
    return own, settings, read_origin(run.config)


def _recorded(
    recorder: Recorder, source: Source, method: Method[Any], settings: Settings, origin: Origin, progress: Sequence[Progress]
) -> Representation:
    """Learns with everything written down. Whatever stops it, the run can go on from its last checkpoint."""
    run, watch = recorder.run, recorder.watch
    index = _every(source) if origin.all else None
    new = [] if run.started else run.absent()
    run.write_config(origin, method, settings)
    run.write_facts(data=data_facts(source), seed=settings.seed, state="running", **surroundings())

    def begin(learner: Learner) -> None:
        run.write_config(origin, learner.method, settings, learner.plan)
        recorder.begin(learner)

    try:
        fitted = train.fit(method, source, settings, index=index, on_start=begin, listeners=[watch, *progress, recorder])
    except Interrupted as e:
        recorder.save()
        run.write_facts(state="interrupted")
        raise Interrupted(f"{e}. Go on with: allegory learn --resume --out {run.path}") from None
    except Problem as e:
        with contextlib.suppress(Problem):  # the first error is the one to tell
            if isinstance(e, NotFinite):
                recorder.save(checkpoints.diverged(run.checkpoints))
            if new and recorder.learner is None:
                run.discard(new)  # not a step was made: nothing is left behind
            else:
                run.write_facts(state=f"failed: {e}")
        raise
    finally:
        for bar in progress:
            bar.close()
    watch.look(fitted.method, fitted.net)
    rep = Representation.of(fitted, **_more(source, watch, origin.all))
    rep.save(run.path / "model")
    if fitted.plan is None:
        run.write_config(origin, fitted.method, settings)
    alarms = [dataclasses.asdict(a) for a in watch.alarms.values()]
    run.write_facts(state="done", seconds=recorder.elapsed, peak_memory_bytes=fitted.facts["peak_memory_bytes"], alarms=alarms)
    return rep


def from_config(config: dict[str, Any]) -> tuple[Method[Any], Settings]:
    """The method and the settings that a run's config.yaml says."""
    known = {cls.__name__: cls for cls in methods.classes()} | VIEWS
    method = plain.restore(config["method"], known, Method, "method")
    return method, read_settings(config)


def evaluate(
    rep: Any, data: Any = None, *, names: Asked = None, seed: int = 0, cache: Path | str | None = None, quiet: bool = True
) -> Scores:
    """Asks the questions that the data and the representation allow, and the controls with it.

    `rep` is a `Representation`, any function x -> codes, an array of codes, or a list of representations of one method (training
    seeds). `names` chooses questions: names, "all", or "usual" (None), those that are asked after every learning. `cache` is a folder
    that keeps codes and the supervised ceiling for the next time.
    """
    first = rep[0] if isinstance(rep, (list, tuple)) else rep
    source = _source_for(first, data)
    if isinstance(first, Representation):
        _kept(first, source)
    return questions.ask(rep, source, questions=names, seed=seed, cache=None if cache is None else Path(cache), quiet=quiet)


def report(rep: Representation, scores: Sequence[Score], path: Path | str, data: Any = None, *, map: str = "neighbours") -> Path:
    """Writes one self-contained HTML page about a representation. `data` may be left out when it was learned or evaluated here.

    `map`: how the codes are laid out: neighbours, or a method of the spectral family ("PCA", "TSNE", "UMAP" ...).
    """
    pages.write_report(path, rep, _source_for(rep, data), scores, by=map)
    return Path(path)


def adapt(
    rep: Representation, data: Any = None, labels: Any = None, *, attribute: str | None = None, readers: Sequence[str] | None = None,
    seed: int = 0,
) -> Adapted:  # fmt: skip
    """A model that tells `labels`: the best reader of the codes, or the fine-tuned network, chosen on held-out items and calibrated.

    `data` may be left out when `rep` was learned or evaluated here. `labels`: None (those of the data), a column or key, "folders", a
    csv of (id or path, value), or one value for each item with None where it is not known: classes, several labels at once, or numbers.
    `attribute`: which one, where there are several. `readers`: names among linear, prototypes, neighbours, fine-tuning.
    Raises `Misuse` or `Problem` when it is not clear what to tell, or when the labels do not suffice.
    """
    source, target = labelled(data if data is not None else _source_for(rep, None), labels, rep.intake, attribute)
    return choosing.adapt(rep, source, target, readers, seed)


def as_classifier(subject: Representation | Method[Any] | None = None, **settings: Any) -> Any:
    """A scikit-learn classifier that reads classes, with calibrated probabilities, off the codes of `subject`: a representation, or a
    method that `fit` learns first."""
    from allegory.adapting.estimator import AdaptedClassifier

    return AdaptedClassifier(subject, **settings)


def as_regressor(subject: Representation | Method[Any] | None = None, **settings: Any) -> Any:
    """A scikit-learn regressor that reads a number, with an interval, off the codes of `subject`, as `as_classifier` does classes."""
    from allegory.adapting.estimator import AdaptedRegressor

    return AdaptedRegressor(subject, **settings)


def as_estimator(method: Method[Any], **settings: Any) -> Any:
    """A scikit-learn transformer that learns `method` in `fit` and encodes in `transform`."""
    from allegory.representation.estimator import as_estimator as make

    return make(method, **settings)


def _source_for(rep: Any, data: Any) -> Source:
    if data is not None:
        return load(data)
    known = _data_of.get(rep) if isinstance(rep, Representation) else None
    if known is None:
        raise Misuse("which data? Pass data=..., the source that this representation is to be judged on")
    return known


def _kept(rep: Representation, source: Source) -> Representation:
    _data_of[rep] = source
    return rep


def _more(source: Source, watch: Watch, all_items: bool) -> dict[str, Any]:
    trained_on: Part | str = "all" if all_items else "train"
    alarms = [dataclasses.asdict(a) for a in watch.alarms.values()]
    return {"data": source.name, "fingerprint": source.fingerprint, "trained_on": trained_on, "alarms": alarms, "health": dict(watch.last)}


def _every(source: Source) -> Any:
    import numpy as np

    return np.arange(len(source))


__all__ = ["adapt", "as_classifier", "as_estimator", "as_regressor", "default_method", "evaluate", "from_config", "learn", "load", "report"]
