import sys
from pathlib import Path

print(Path.cwd().name, sys.argv[1:])
