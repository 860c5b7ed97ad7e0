r"""The comments of a config file: what its readers pass over and people do not.

Rules: JSON has none; in YAML they stand where no token does, in the other formats where no quoted text does. What cannot be
taken apart, or is too large to be worth it, has none here: whoever asks learns of values from elsewhere.

    >>> comments_of("a.toml", b'a = "#1" # first\n')
    ['# first']
"""

from __future__ import annotations

import re

from lastgood.formats.configs import ConfigFormat, config_format

_LARGEST = 256 * 1024

_TOML = re.compile(
    r'"""(?:[^"\\]|\\.|"(?!""))*"""' + r"|'''(?:[^']|'(?!''))*'''" + r'|"(?:\\.|[^"\\\n])*"|\'[^\'\n]*\'|(#[^\n]*)',
    re.DOTALL,
)
_ENV = re.compile(r"\"(?:\\.|[^\"\\])*\"|'[^']*'|(?:^|(?<=\s))(#[^\n]*)", re.MULTILINE)
_INI = re.compile(r"^[ \t]*([#;][^\n]*)", re.MULTILINE)
_IN_GAP = re.compile(r"#[^\n]*")


def comments_of(path: str, data: bytes) -> list[str]:
    """Return the comments of a config file, in order."""
    form = config_format(path)
    if form is None or form is ConfigFormat.JSON or len(data) > _LARGEST or (b"#" not in data and b";" not in data):
        return []
    text = data.decode("utf-8-sig", "replace").replace("\r\n", "\n")
    if form is ConfigFormat.YAML:
        return _yaml_comments(text)
    pattern = {ConfigFormat.TOML: _TOML, ConfigFormat.ENV: _ENV}.get(form, _INI)
    return [match[1].rstrip() for match in pattern.finditer(text) if match[1]]


def _yaml_comments(text: str) -> list[str]:
    import yaml  # noqa: PLC0415  # 23 ms that only a YAML file should cost

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: list[str] = []
    end = 0
    try:
        for token in yaml.scan(text, Loader=loader):
            found += [match[0].rstrip() for match in _IN_GAP.finditer(text, end, max(end, token.start_mark.index))]
            end = max(end, token.end_mark.index)
    except yaml.YAMLError:
        return []
    return found
