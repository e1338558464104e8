"""What client and server have in common of oslo.messaging."""

import oslo_messaging
from oslo_config import cfg

# Parts of the library read the global configuration, whichever one they are given.
cfg.CONF([], project="interop", default_config_files=[])


def transport(url, allow=()):
    """A connection of its own. Options of the driver stand in the URL's query.

    `allow` names the modules whose exceptions are rebuilt.
    """
    return oslo_messaging.get_rpc_transport(cfg.CONF, url=url, allowed_remote_exmods=list(allow))
