"""Mail on its way: into units, from one to another, and from its time on."""

# _senders: puts mail into units; _relay: carries it from unit to unit, and fires letters for
# later; _parcels: what goes into one unit together, and where it comes from
