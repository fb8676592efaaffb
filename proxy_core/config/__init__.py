"""KubeProxyConfiguration v1alpha1: read, completed and validated as upstream does."""

from proxy_core.config.load import load_config
from proxy_core.config.settings import Machine, settings_of
from proxy_core.config.types import KubeProxyConfiguration

__all__ = ["KubeProxyConfiguration", "Machine", "load_config", "settings_of"]
