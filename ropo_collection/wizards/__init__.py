from . import ropo_link
from . import ropo_transfer
