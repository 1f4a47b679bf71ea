"""Modules of PyTorch, read and written as whole models."""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch.nn.parameter import is_lazy
from torch.nn.utils.parametrize import ParametrizationList, is_parametrized

from unifinit.backend import (
    Backend,
    LayerTable,
    ModelArray,
    Plan,
    Reading,
    Role,
    TargetError,
    UnsupportedModelError,
    as_dtype,
    joined,
    one_of_ties,
    role_of,
)
from unifinit_torch.backend import distributed, is_spread
from unifinit_torch.layers import LAYERS

ROUNDINGS = 64
"""By how many units in the last place of the largest one a parametrization may change values."""
OLD_STYLE = re.compile(r"(\w+)_(?:orig|v)")
"""What older wrappers, such as weight_norm and prune, call the array of which they make a weight."""
WRAPPERS = {"DistributedDataParallel", "DataParallel", "AveragedModel"}
"""Classes of PyTorch whose child "module" is the model itself."""


class Found(NamedTuple):
    """A parameter, and where it is.

    Attributes
    ----------
    module, attribute
        The module that has it, and its name there.
    array
        What it is.
    is_effective
        Whether it is what a parametrization computes, and is assigned rather than overwritten.
    """

    module: torch.nn.Module
    attribute: str
    array: ModelArray
    is_effective: bool = False

    @property
    def tensor(self) -> Any:
        """The parameter."""
        return getattr(self.module, self.attribute)


class ModuleReader:
    """Reads modules of PyTorch."""

    def open(self, target: Any, reading: Reading) -> TorchModel | None:
        """A module; None for those of Keras, which are modules of PyTorch too, and for anything else."""
        if not isinstance(target, torch.nn.Module) or _is_of_keras(target):
            return None
        return TorchModel(target, reading)

    def build(self, config: Mapping[str, Any], dtype: str) -> torch.nn.Module:
        """The model that Transformers makes of a configuration, on the meta device.

        Raises
        ------
        UnsupportedModelError
            If it cannot make one.
        """
        import transformers

        names = config.get("architectures") or []
        try:
            settings = transformers.AutoConfig.for_model(**config)
            cls = getattr(transformers, names[0]) if names else transformers.AutoModel
            with torch.device("meta"):
                model = cls._from_config(settings) if names else cls.from_config(settings)
            model.to(getattr(torch, dtype))
        except (ValueError, TypeError, AttributeError, KeyError, ImportError) as error:
            raise UnsupportedModelError(
                f"transformers {transformers.__version__} cannot build {config['model_type']!r}: "
                f"{error}; wanted a configuration of one of its own models"
            ) from error
        built: torch.nn.Module = model
        return built


class TorchModel:
    """A module whose parameters are known.

    Parameters
    ----------
    module
        The module.
    reading
        How it is to be read.
    """

    def __init__(self, module: torch.nn.Module, reading: Reading) -> None:
        self._module, self._device = module, reading.device
        self._backend: Backend = reading.get_backend("torch")
        self._layers = LayerTable(LAYERS, reading.layers)
        places: dict[object, list[Found]] = {}
        for found in self._walk(module, "", "", {}):
            # A parametrization computes a new tensor each time; its module may still be at several places.
            place = (id(found.module), found.attribute) if found.is_effective else id(found.tensor)
            places.setdefault(place, []).append(found)
        self._places = list(places.values())
        self.arrays = [one_of_ties([found.array for found in places]) for places in self._places]
        self._has_moved = False

    def _walk(
        self, module: torch.nn.Module, owner: str, prefix: str, told: Mapping[str, tuple[str, Role]]
    ) -> Iterator[Found]:
        """The parameters below a module.

        Parameters
        ----------
        module
            The module.
        owner
            Its path.
        prefix
            What PyTorch calls it, with a dot.
        told
            What modules above it tell of its arrays: a path and a role, by names from here.
        """
        own = {name: (owner, role) for name, role in self._layers.roles(module).items()}
        own = {**own, **told} if told else own  # Who is above knows more.
        for name, parameter in module._parameters.items():
            if parameter is None or (isinstance(module, ParametrizationList) and name.startswith("original")):
                continue
            if is_lazy(parameter):
                raise UnsupportedModelError(
                    f"{prefix}{name} has no shape yet; wanted the model after its first call, which makes "
                    "the parameters of lazy layers"
                )
            if name == "_flat_param":
                raise UnsupportedModelError(
                    f"{prefix}{name} holds parameters that FSDP1 has flattened; wanted the module before "
                    "it is wrapped, or fully_shard of FSDP2"
                )
            yield Found(
                module, name, _array(name, parameter, owner, prefix, own.get(name) or _wrapped(name, own))
            )
        if is_parametrized(module):
            for name in module.parametrizations:
                with torch.no_grad():
                    effective = getattr(module, name)
                array = _array(name, effective, owner, prefix, own.get(name))
                yield Found(module, name, array, is_effective=True)
        for name, child in module._modules.items():
            if child is None:
                continue
            is_hidden = name == "module" and type(module).__name__ in WRAPPERS
            path = owner if is_hidden else joined(owner, name)
            below = {
                key.removeprefix(f"{name}."): role for key, role in own.items() if key.startswith(f"{name}.")
            }
            yield from self._walk(child, path, f"{prefix}{name}.", below)

    def write(self, number: int, plan: Plan) -> None:
        """Fill a parameter, or make it on a device if it is on the meta device."""
        first = self._places[number][0]
        tensor = first.tensor
        if first.is_effective:
            if tensor.is_meta:
                raise TargetError(
                    "its parametrization is on the meta device, where it can take no value; wanted "
                    "model.to_empty(device=...) before, such as 'cpu' or 'cuda'"
                )
            self._assign(first, self._backend.run(plan, tensor.device))
        elif tensor.is_meta or (is_spread(tensor) and tensor.to_local().is_meta):
            made = torch.nn.Parameter(self.create(number, plan), requires_grad=tensor.requires_grad)
            for place in self._places[number]:
                place.module._parameters[place.attribute] = made
            self._has_moved = True
        else:
            self._backend.fill(tensor, plan)

    def finish(self) -> None:
        """Let FSDP2 know of new parameters, and tell of what still has no memory."""
        if not self._has_moved:
            return
        for module in self._module.modules():
            if hasattr(module, "_get_fsdp_state"):
                module._apply(lambda tensor: tensor)
        left = [name for name, buffer in self._module.named_buffers() if buffer.is_meta]
        kept = [name for name, one in self._module.named_parameters() if one.is_meta]
        if left or kept:
            warnings.warn(
                f"{len(left)} buffers and {len(kept)} parameters are still on the meta device, as "
                f"{(left or kept)[0]!r}: buffers are left alone, and so is what rules keep; make them by the "
                "module's own code, or load them",
                stacklevel=3,
            )

    def create(self, number: int, plan: Plan) -> torch.Tensor:
        """A new tensor on the device of the parameter, or the one that is wanted."""
        tensor = self._places[number][0].tensor
        if is_spread(tensor):
            found = distributed().sharding_of(tensor)
            if found.device.type == "meta":
                found = found._replace(device=torch.device(found.mesh.device_type))
            spread: torch.Tensor = self._backend.run(plan, found)
            return spread
        device = tensor.device if self._device is None else self._backend.device(self._device)
        if device.type == "meta":
            device = torch.get_default_device()
        if device.type == "meta":
            raise TargetError(
                "the default device is the meta device; wanted device=, such as 'cpu' or 'cuda'"
            )
        created: torch.Tensor = self._backend.run(plan, device)
        return created

    def keep(self, number: int) -> torch.Tensor:
        """A parameter as it is."""
        tensor: torch.Tensor = self._places[number][0].tensor.detach()
        return tensor

    def build(self, values: Sequence[torch.Tensor]) -> dict[str, torch.Tensor]:
        """The tensors by the names of ``named_parameters``."""
        return {array.name: value for array, value in zip(self.arrays, values, strict=True)}

    def _assign(self, found: Found, value: torch.Tensor) -> None:
        try:
            with torch.no_grad():
                setattr(found.module, found.attribute, value)
                made = found.tensor
        except (RuntimeError, ValueError, NotImplementedError) as error:
            raise TargetError(
                f"its parametrization takes no value ({str(error).splitlines()[0]}); wanted one with a "
                "right_inverse, or a rule that keeps the parameter"
            ) from error
        if not value.numel():
            return
        bound = ROUNDINGS * torch.finfo(value.dtype).eps * value.abs().max().item()
        if not (made - value).abs().max().item() <= bound:
            raise TargetError(
                "its parametrization makes something else of the values that it was given, as one that "
                "normalises does; wanted an initializer whose values it leaves alone, such as 'orthogonal' "
                "for an orthogonal one, or a rule that keeps the parameter"
            )


def _array(
    name: str, tensor: torch.Tensor, owner: str, prefix: str, told: tuple[str, Role] | None
) -> ModelArray:
    shape = tuple(tensor.shape)
    above, role = (owner, role_of(owner, name, shape)) if told is None else told
    return ModelArray.of(role, above, name, prefix + name, shape, as_dtype(tensor.dtype))


def _wrapped(name: str, told: Mapping[str, tuple[str, Role]]) -> tuple[str, Role] | None:
    """What is told of the array for which one stands that an older wrapper has put in its place."""
    found = OLD_STYLE.fullmatch(name)
    known = None if found is None else told.get(found[1])
    return None if known is None else (known[0], known[1]._replace(leaf=name))


def _is_of_keras(module: torch.nn.Module) -> bool:
    return any(cls.__module__.partition(".")[0] == "keras" for cls in type(module).__mro__)
