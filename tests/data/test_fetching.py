"""Downloads are checked by hash and unpacked member by member; a local server stands in for the network."""

import functools
import hashlib
import http.server
import io
import tarfile
import threading

import pytest

from tracekit.data import fetch
from tracekit.data.cifar10 import BINARY_FILES
from tracekit.errors import DataError


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members:
            if isinstance(content, tarfile.TarInfo):
                tar.addfile(content)
                continue
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


GOOD = [(f"cifar-10-batches-bin/{name}", b"x" * k) for k, name in enumerate(BINARY_FILES, start=1)]


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            """Say nothing: a test's output is its assertions."""

    with http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    ) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()

        def serve(content):
            (folder / "archive.tar.gz").write_bytes(content)
            url = f"http://127.0.0.1:{httpd.server_address[1]}/archive.tar.gz"
            return {"url": url, "known_hash": "sha256:" + hashlib.sha256(content).hexdigest()}

        yield serve
        httpd.shutdown()
        thread.join()


def test_files_arrive_whole(server, tmp_path):
    folder = fetch("cifar10", destination=tmp_path / "cache", **server(archive(GOOD)))
    assert folder == tmp_path / "cache" / "cifar-10-batches-bin"
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == {
        name: k for k, name in enumerate(BINARY_FILES, start=1)
    }
    assert [path.name for path in (tmp_path / "cache").iterdir()] == ["cifar-10-batches-bin"]


def test_a_complete_folder_is_not_fetched_again(server, tmp_path):
    fetch("cifar10", destination=tmp_path, **server(archive(GOOD)))
    fetch("cifar10", destination=tmp_path, url="http://127.0.0.1:9/none")


def test_a_wrong_hash_keeps_nothing(server, tmp_path):
    url = server(archive(GOOD))["url"]
    with pytest.raises(DataError) as caught:
        fetch("cifar10", destination=tmp_path / "cache", url=url)
    assert str(caught.value) == (
        f"the download from {url} does not have the expected hash md5:c32a1d4ab5d03f1284b67883e8d87530; "
        "try again or use another mirror."
    )
    assert list((tmp_path / "cache").iterdir()) == []


def test_no_network_is_one_sentence(tmp_path):
    with pytest.raises(DataError) as caught:
        fetch("cifar10", destination=tmp_path, url="http://127.0.0.1:9/archive.tar.gz")
    assert str(caught.value) == (
        "cannot download http://127.0.0.1:9/archive.tar.gz (ConnectionError); connect to the network, or download "
        "the archive elsewhere, unpack it, and pass its folder as --data-dir."
    )


def test_members_cannot_leave_the_folder(server, tmp_path):
    link = tarfile.TarInfo("cifar-10-batches-bin/test_batch.bin")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    evil = [("../../escaped.bin", b"no"), ("/absolute.bin", b"no"), (None, link), *GOOD]
    folder = fetch("cifar10", destination=tmp_path / "deep" / "cache", **server(archive(evil)))
    assert sorted(path.name for path in folder.iterdir()) == sorted(BINARY_FILES)
    assert not any(path.is_symlink() for path in folder.iterdir())
    assert not list(tmp_path.rglob("escaped.bin"))


def test_an_archive_without_the_files_is_refused(server, tmp_path):
    with pytest.raises(DataError) as caught:
        fetch("cifar10", destination=tmp_path / "cache", **server(archive(GOOD[:-1])))
    assert str(caught.value) == "the downloaded archive lacks test_batch.bin; use the official archive."
    assert list((tmp_path / "cache").iterdir()) == []


def test_something_that_is_no_archive_is_refused(server, tmp_path):
    with pytest.raises(
        DataError, match=r"the downloaded archive cannot be unpacked \(.*\); fetch it again\."
    ):
        fetch("cifar10", destination=tmp_path / "cache", **server(b"<html>sorry</html>"))
