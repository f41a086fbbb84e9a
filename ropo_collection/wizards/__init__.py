from . import ropo_link
from . import ropo_other_collector
from . import ropo_reason
from . import ropo_transfer
