"""The target is the old file or the whole new one, whatever happens in between."""

import errno
import os
import resource
import stat
import sys

import numpy as np
import pytest

from clearprop.errors import FileError
from clearprop.files import load, replace_file, save
from clearprop.network import Dense, Network, Parameters

NETWORK = Network(30, (Dense(20), Dense(2, "softmax")), "cross_entropy")
OLD, NEW = Parameters.initial(NETWORK, 1), Parameters.initial(NETWORK, 2)


@pytest.fixture
def target(tmp_path):
    return save(OLD, tmp_path / "m.clearprop")


def _is_untouched(target):
    np.testing.assert_array_equal(load(target).vector, OLD.vector)
    assert [path.name for path in target.parent.iterdir()] == ["m.clearprop"]


def test_replaces(target):
    save(NEW, target)
    np.testing.assert_array_equal(load(target).vector, NEW.vector)
    assert [path.name for path in target.parent.iterdir()] == ["m.clearprop"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_failing_step_leaves_the_old_file(target, monkeypatch, step):
    def full(*arguments, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, step, full)
    with pytest.raises(FileError, match=r"could not be written: No space left .* make room"):
        save(NEW, target)
    monkeypatch.undo()
    _is_untouched(target)


def test_a_real_limit_in_mid_write(target):
    # the system itself cuts the file off after 2,000 of its 3,500 bytes
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2000, hard))
    try:
        with pytest.raises(FileError, match="File too large"):
            save(NEW, target)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    _is_untouched(target)


def test_an_interrupt_in_mid_write(target):
    def chunks():
        yield b"half"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        replace_file(target, chunks())
    _is_untouched(target)


def test_bytes_reach_the_disk_before_the_name_changes(target, monkeypatch):
    calls = []
    sync, replace = os.fsync, os.replace

    def logged_sync(handle):
        kind = "folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else os.fstat(handle).st_size
        calls.append(kind)
        sync(handle)

    def logged_replace(source, destination, **options):
        calls.append("replace")
        replace(source, destination, **options)

    monkeypatch.setattr(os, "fsync", logged_sync)
    monkeypatch.setattr(os, "replace", logged_replace)
    save(NEW, target)
    assert calls == [target.stat().st_size, "replace", "folder"]


def test_permissions_are_kept(target, tmp_path):
    target.chmod(0o640)
    save(NEW, target)
    assert stat.S_IMODE(target.stat().st_mode) == 0o640
    fresh, plain = save(NEW, tmp_path / "fresh"), tmp_path / "plain"
    plain.touch()
    assert fresh.stat().st_mode == plain.stat().st_mode


def test_a_link_stays_a_link(target, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    link = tmp_path / "elsewhere" / "link"
    link.symlink_to(target)
    assert save(NEW, link) == link
    assert link.is_symlink()
    np.testing.assert_array_equal(load(target).vector, NEW.vector)


def test_long_names_and_no_suffix(tmp_path):
    path = save(NEW, tmp_path / ("x" * 255))
    assert [p.name for p in tmp_path.iterdir()] == ["x" * 255]
    assert load(path).network == NETWORK


def test_places_that_are_refused(tmp_path, target, monkeypatch):
    with pytest.raises(FileError, match=r"is a folder\. Give the name of a file in it"):
        save(NEW, tmp_path)
    with pytest.raises(FileError, match=r"The folder '.*missing' does not exist\. Create it"):
        save(NEW, tmp_path / "missing" / "m")
    with pytest.raises(FileError, match="is a device"):
        save(NEW, "/dev/null")
    with pytest.raises(FileError, match="is no name for a file"):
        save(NEW, tmp_path / "a\0b")
    with pytest.raises(FileError, match="File name too long"):
        save(NEW, tmp_path / ("x" * 300))
    # the super-user may write to read-only files, so the system's answer is given by hand
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(FileError, match="is read-only"):
        save(NEW, target)
    _is_untouched(target)


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_writable(target):
    target.parent.chmod(0o500)
    try:
        with pytest.raises(FileError, match="Permission denied"):
            save(NEW, target)
    finally:
        target.parent.chmod(0o700)
    _is_untouched(target)
