"""A server with an engine that only the tests have: the real one, linked with something that a test rules through a file beside it."""
import os
import shutil
from pathlib import Path

from sallyport import Server, build_folder


class Altered(Server):
    """Its roles are in a folder of its own, since the engine and its file are."""

    def __init__(self, folder, engine, file, content):
        self.bin = Path(folder) / "bin"
        self.bin.mkdir(mode=0o711)
        for path in (build_folder() / "src").glob("*/sallyport*"):
            if path.is_file() and os.access(path, os.X_OK) and path.name != "sallyport-engine":
                shutil.copy2(path, self.bin / path.name)
        shutil.copy2(build_folder() / "tests" / "fault" / engine, self.bin / "sallyport-engine")
        self.file = self.bin / file
        self.file.write_bytes(content)
        self.file.chmod(0o666)
        super().__init__(folder)

    def command(self, listen):
        return [str(self.bin / "sallyportd"), *super().command(listen)[1:]]

    def write(self, content):
        """In place: the file is mapped."""
        with open(self.file, "r+b") as f:
            f.write(content)
