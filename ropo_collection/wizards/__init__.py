from . import base_partner_merge
from . import ropo_link
from . import ropo_other_collector
from . import ropo_reason
from . import ropo_transfer
from . import ropo_transfer_payer
from . import ropo_transfer_claim
from . import ropo_tell
