"""What other frameworks call by the name of one of our initializers, and what they draw for a weight.

The records are facts that were found by running the frameworks; tests run them again. No framework is
imported here.
"""

from unifinit.peers.comparison import Comparison, as_text, compare_with_peers
from unifinit.peers.fans import peer_fans, seen_weight, stored_shape
from unifinit.peers.records import FRAMEWORKS, Peer, load_peers, peers_of

__all__ = [
    "FRAMEWORKS",
    "Comparison",
    "Peer",
    "as_text",
    "compare_with_peers",
    "load_peers",
    "peer_fans",
    "peers_of",
    "seen_weight",
    "stored_shape",
]
