from . import ropo_link
from . import ropo_reason
from . import ropo_transfer
from . import ropo_tell
from . import base_partner_merge
