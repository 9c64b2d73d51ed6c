from pathlib import Path
def prove_lifecycle(helm: Path, etcd: Path, api_server: Path, crds: Path) -> str:
    return ""
