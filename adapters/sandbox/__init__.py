"""The sandbox: an upstream inside the process with scripted outcomes. The embedded default, and the shipped fake."""

from adapters.sandbox.upstream import Sandbox, SandboxOptions
from gateway.ports import Adapter

ADAPTER = Adapter(name="sandbox", title="Sandbox", options=SandboxOptions, local=Sandbox)
