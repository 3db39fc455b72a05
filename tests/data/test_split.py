"""The split: by content, stable, duplicates and groups together."""

import numpy as np
import pytest

from allegory.core import Array, Problem
from allegory.data import PARTS, Source, open_source
from allegory.data.hashing import fold, key_of, keys_of, row_keys

RANDOM = np.random.default_rng(0)


def source(x: np.ndarray, **more: object) -> Source:
    return Source("test", Array(x.shape[1:]), x, **more)  # type: ignore[arg-type]


def part_of(s: Source) -> np.ndarray:
    parts = np.full(len(s), -1)
    for i, name in enumerate(PARTS):
        parts[s.part(name)] = i
    return parts


def test_every_item_is_in_one_part_and_the_shares_are_70_10_20():
    s = source(RANDOM.normal(size=(20_000, 3)))
    sizes = [len(s.part(p)) for p in PARTS]
    assert sum(sizes) == 20_000 and (part_of(s) >= 0).all()
    # three standard deviations of a binomial share at n = 20,000 are below 0.01
    assert np.allclose(np.array(sizes) / 20_000, (0.7, 0.1, 0.2), atol=0.01)


def test_an_item_keeps_its_part_when_items_are_added_or_reordered():
    x = RANDOM.integers(0, 256, size=(300, 4, 4), dtype=np.uint8)
    before = part_of(source(x[:200]))
    order = RANDOM.permutation(300)
    after = part_of(source(x[order]))
    assert (after[np.argsort(order)][:200] == before).all()


def test_duplicates_stay_together():
    x = RANDOM.normal(size=(100, 3))
    parts = part_of(source(np.concatenate([x, x])))
    assert (parts[:100] == parts[100:]).all()
    assert len(set(parts)) == 3


def test_groups_stay_together_and_items_without_a_group_go_by_content():
    x = RANDOM.normal(size=(600, 3))
    groups = [f"patient {i % 60}" if i < 300 else "" for i in range(600)]
    parts = part_of(source(x, groups=groups))
    for group in set(groups[:300]):
        assert len({p for p, g in zip(parts, groups, strict=True) if g == group}) == 1
    assert (parts[300:] == part_of(source(x))[300:]).all() and len(set(parts[300:])) == 3


def test_the_split_is_the_same_on_every_machine():
    s = open_source("digits")
    assert [len(s.part(p)) for p in PARTS] == [1236, 185, 376]
    assert s.part("test")[:6].tolist() == [2, 14, 20, 22, 24, 25]
    assert s.fingerprint == "f29b616d2f4faa76" and key_of(b"allegory") == 3010049697055563860


def test_own_parts_go_before_the_hash():
    x = RANDOM.normal(size=(60, 3))
    s = open_source(x, parts=["train"] * 40 + ["validation"] * 5 + ["test"] * 15)
    assert s.part("train").tolist() == list(range(40)) and s.part("test").tolist() == list(range(45, 60))


def test_own_parts_without_validation_give_an_eighth_of_training_to_it():
    x = RANDOM.normal(size=(5000, 3))
    s = open_source(x, parts=[0] * 4000 + [2] * 1000)
    assert s.part("test").tolist() == list(range(4000, 5000))
    assert 400 < len(s.part("validation")) < 600 and s.part("validation").max() < 4000


def test_own_parts_must_be_known():
    with pytest.raises(Problem, match=r"expected train, validation or test.*'dev'"):
        open_source(RANDOM.normal(size=(3, 2)), parts=["train", "test", "dev"])


def test_an_unknown_part_is_refused():
    with pytest.raises(Problem, match=r"expected one of train, validation, test"):
        source(np.zeros((3, 2))).part("all")  # type: ignore[arg-type]


def test_too_few_items_to_split():
    with pytest.raises(Problem, match=r"7 items are too few"):
        source(RANDOM.normal(size=(7, 2))).check()
    with pytest.raises(Problem, match=r"the split gives 12 train, 0 validation, 0 test|0 train"):
        source(np.zeros((12, 2))).check()
    source(RANDOM.normal(size=(100, 2))).check()


def test_a_subset_keeps_parts_labels_ids_and_keys():
    s = open_source("digits")
    test = s.subset(s.part("test"))
    assert len(test.part("test")) == len(test) and len(test.part("train")) == 0
    assert test.labels is not None and s.labels is not None
    assert (test.labels.values == s.labels.values[s.part("test")]).all()
    assert test.id(0) == s.id(s.part("test")[0]) and (test.item_keys == s.item_keys[s.part("test")]).all()


def test_a_large_subset_is_not_copied(monkeypatch):
    monkeypatch.setattr("allegory.data.source.COPY_BYTES", 10)
    s = source(RANDOM.normal(size=(50, 2)))
    part = s.subset(np.array([4, 2, 40]))
    assert not isinstance(part.x, np.ndarray)
    assert (part.take(np.array([2, 0])) == s.take(np.array([40, 4]))).all() and (part.take(slice(1, 3)) == s.take(np.array([2, 40]))).all()
    assert part.subset(np.array([1])).take(slice(None))[0, 0] == s.take(slice(None))[2, 0]


def test_the_fingerprint_names_content_order_and_labels():
    x = RANDOM.normal(size=(30, 2))
    first = open_source(x, labels=[0, 1] * 15)
    assert first.fingerprint == open_source(x.copy(), labels=[0, 1] * 15).fingerprint
    others = [open_source(x), open_source(x[::-1]), open_source(x, labels=[1, 0] * 15), open_source(x.reshape(30, 2, 1))]
    assert len({first.fingerprint, *(o.fingerprint for o in others)}) == 5


def test_keys_are_of_the_bytes_of_each_row_over_all_leaves():
    a, b = RANDOM.integers(0, 9, size=(5, 3)), RANDOM.normal(size=(5, 2, 2)).astype(np.float32)
    keys = row_keys(a, b)
    assert keys.tolist() == [key_of(a[i].tobytes() + b[i].tobytes()) for i in range(5)]
    assert keys_of(["a", "b", "a"]).tolist() == [key_of(b"a"), key_of(b"b"), key_of(b"a")]
    assert len(row_keys(np.zeros((0, 3)))) == 0 and len(set(row_keys(np.zeros((3, 0))))) == 1


def test_chunks_do_not_change_keys(monkeypatch):
    s = source(RANDOM.normal(size=(100, 7)))
    whole = s.item_keys
    monkeypatch.setattr("allegory.data.source.CHUNK_BYTES", 200)
    assert (source(s.x).item_keys == whole).all()


def test_fold_knows_equal_numbers_and_the_order_of_columns():
    a, b = np.array([0.0, 1.0, np.nan]), np.array([-0.0, 1.0, np.nan])
    assert (fold(a) == fold(b)).all()
    assert (fold(a, np.array([5.0, 6.0, 7.0])) != fold(np.array([5.0, 6.0, 7.0]), a)).all()


def test_parts_with_different_numbers_of_items_are_refused():
    from allegory.core import Parts

    x = {"a": np.zeros((3, 2)), "b": np.zeros((4, 2))}
    with pytest.raises(Problem, match=r"different numbers of items: \[3, 4\]"):
        Source("test", Parts({"a": Array((2,)), "b": Array((2,))}), x).check_items()


def test_describe_says_what_was_understood():
    text = open_source("digits").describe()
    for said in ("1797 items", "images 1 x 8 x 8, 17 levels", "stored as uint8", "1236 train", "10 classes", "1797 of 1797 items labelled"):
        assert said in text
