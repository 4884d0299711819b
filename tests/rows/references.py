"""All rows, in order: importing a file of references registers what is in it."""
import attention
import basic
import depth
import hierarchy
import memory
from table import ROWS

ROWS.sort(key=lambda r: r.name)  # stable: within a row as registered
FAMILIES = [basic, depth, attention, memory, hierarchy]
