"""An engine that TensorRT built for this GPU; needs the package ``tensorrt`` of its version.

Written from NVIDIA's documentation of TensorRT 10; see docs/limits.md.
"""

from __future__ import annotations

import importlib
from typing import Any

from vision.domain.errors import ArtefactError, ConfigError
from vision.inference.gpu.device import torch_module
from vision.inference.gpu.network import Inference, Limits
from vision.models.catalogue import ModelEntry
from vision.models.digest import read_verified
from vision.models.store import ModelFile

_AGAIN = "build it again on this machine and register it with `vision models register`"


class TensorRtNetwork:
    """Implements :class:`vision.inference.gpu.network.Network`."""

    engine = "tensorrt"

    def __init__(self, file: ModelFile, entry: ModelEntry) -> None:
        """Load the engine in ``file``, whose hash is checked once more.

        Raises:
            ConfigError: The package ``tensorrt`` is not installed.
            ArtefactError: The file was changed, was built for another GPU or version, or holds
                another kind of network than the catalogue says.
        """
        (contents,) = read_verified(file.path, file.sha256)
        try:
            self._trt: Any = importlib.import_module("tensorrt")
        except ImportError as error:
            raise ConfigError(
                f"{file.path}: needs the package tensorrt ({error}): pip install tensorrt, or "
                "remove the file to run the weights with PyTorch"
            ) from None
        said: list[str] = []
        self._runtime = self._trt.Runtime(_logger(self._trt, said))
        self._engine = self._runtime.deserialize_cuda_engine(contents)
        if self._engine is None:
            why = said[0] if said else "it says no reason"
            raise ArtefactError(
                f"{file.path}: TensorRT {self._trt.__version__} cannot load it: {why}: {_AGAIN}"
            )
        self._input, self._output = self._names(file)
        self._check(file, entry)
        self.dtype = self._type_of(self._input, file)
        self._output_dtype = self._type_of(self._output, file)
        # The least, the best and the largest shape; 0 is the first of the optimization profiles.
        least, _, most = self._engine.get_tensor_profile_shape(self._input, 0)
        self.limits = Limits((least[2], least[3]), (most[2], most[3]), most[0], least[0])

    def inference(self) -> Inference:
        """See :meth:`Network.inference`; each has an execution context of its own."""
        torch = torch_module()
        context = self._engine.create_execution_context()

        def infer(pixels: Any) -> Any:
            pixels = pixels.contiguous()
            if not context.set_input_shape(self._input, tuple(pixels.shape)):
                raise RuntimeError(f"TensorRT takes no input of {tuple(pixels.shape)}")
            shape = tuple(context.get_tensor_shape(self._output))
            result = torch.empty(shape, dtype=self._output_dtype, device=pixels.device)
            context.set_tensor_address(self._input, pixels.data_ptr())
            context.set_tensor_address(self._output, result.data_ptr())
            if not context.execute_async_v3(torch.cuda.current_stream().cuda_stream):
                raise RuntimeError("TensorRT did not start")
            return result

        return infer

    def _names(self, file: ModelFile) -> tuple[str, str]:
        engine, modes = self._engine, self._trt.TensorIOMode
        names = [engine.get_tensor_name(number) for number in range(engine.num_io_tensors)]
        inputs = [name for name in names if engine.get_tensor_mode(name) == modes.INPUT]
        outputs = [name for name in names if name not in inputs]
        if (len(inputs), len(outputs)) != (1, 1):
            raise ArtefactError(f"{file.path}: has not one input and one result: {_AGAIN}")
        return inputs[0], outputs[0]

    def _check(self, file: ModelFile, entry: ModelEntry) -> None:
        taken = list(self._engine.get_tensor_shape(self._input))
        told = list(self._engine.get_tensor_shape(self._output))
        if (len(taken), len(told)) != (4, 3) or told[1] != 4 + len(entry.labels):
            raise ArtefactError(
                f"{file.path}: its result is not that of YOLOv8 with {len(entry.labels)} classes: "
                f"{_AGAIN}"
            )

    def _type_of(self, name: str, file: ModelFile) -> Any:
        torch, kinds = torch_module(), self._trt.DataType
        types = {kinds.FLOAT: torch.float32, kinds.HALF: torch.float16}
        kind = self._engine.get_tensor_dtype(name)
        if kind not in types:
            raise ArtefactError(f"{file.path}: its {name} is {kind}, neither FLOAT nor HALF")
        return types[kind]


def _logger(trt: Any, said: list[str]) -> Any:
    """A logger of TensorRT that keeps what went wrong."""

    class Logger(trt.ILogger):  # type: ignore[misc]  # its base has no type here
        def __init__(self) -> None:
            trt.ILogger.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
                said.append(message.splitlines()[0])

    return Logger()
