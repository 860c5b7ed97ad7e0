"""The words by which talk tells of incidents, deploys and rollbacks, and those by which it does not; lower-case English.

Each rule is named by what it shows; its weight is how far it alone would convince. `signals` says where a match counts, and
`proposing` how weights add up. docs/incidents.md has all of it in words.

>>> RULES["rolled-back"].pattern.search("we rolled prod back") is not None
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_SYSTEM = (
    r"(?:prod|production|checkout|chat|search"
    r"|(?:the )?(?:(?:support|router|search|chat) )?(?:bot|service|api|model|site|pipeline|assistant|agent|classifier"
    r"|router|ranker|reranker|summari[sz]er|recommender|extractor))"
)
_RELEASE = r"(?:r\d{1,6}|v?\d+\.\d+(?:\.\d+)?)"


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern, and how far a match alone would convince."""

    weight: float
    pattern: re.Pattern[str]


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives))


def _words(*alternatives: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{'|'.join(alternatives)})\b")


RULES = {
    "declared": Rule(
        0.5,
        _any(
            r"\bsev[ -]?[0-4]\b",
            r"\bdeclar(?:e|ed|ing) (?:an? )?(?:\w+ )?(?:incident|outage)",
            r"^\W*(?:\w+ )?(?:incident|outage)\s*[:\u2014-]",
            r"\bincident declared\b",
            r"\boutage (?:on|in) (?:prod|production|search|checkout|chat|the \w+)\b",
            r"\b(?:we have|have|opening|opened|there is|there's|ongoing|active) an? (?:\w+ ){0,2}(?:incident|outage)\b",
            r"\b(?:full|partial|major) outage\b",
            r"\bp[01] (?:incident|outage)",
            rf"\b{_SYSTEM} (?:is|was|went|has gone) (?:hard )?down\b",
        ),
    ),
    "symptom": Rule(
        0.4,
        _any(
            r"\bquality (?:has )?(?:dropped|degraded|tanked|fell)",
            r"\bwrong (?:answers?|refunds?|sums?|prices?|labels?)\b",
            r"\bhallucinat(?:es|ed|ing)\b",
            r"\berror rate (?:is |has )?(?:at|up|jumped|spiked|doubled|rising|climbing)",
            r"\b5(?:xx|\d\ds)\b",
            r"\b(?:accuracy|recall|precision|pass rate) (?:has |just )?(?:dropped|fell|fallen|tanked)",
            r"\blatency (?:has |is )?(?:spiked|tripled|doubled|through the roof)",
            r"\btime?outs? (?:everywhere|for|on every)\b",
            r"\btiming out\b",
            r"\b(?:customers?|users) (?:are |is )?(?:complain\w*|reporting|seeing)\b",
            r"\b(?:citing|cites) nothing\b",
            r"\bempty answers\b",
            r"\b(?:customers?|users|tickets|chats|conversations|orders|tenants) (?:are |were )?affected\b",
            r"\bmisrout\w+",
            r"\b(?:answers|replies) are (?:garbage|nonsense|wrong|empty)",
            rf"\b{_SYSTEM} (?:is|are) (?:broken|degraded)\b",
        ),
    ),
    "since": Rule(0.15, _any(r"\bsince (?:about |around |roughly |~)?(?:\d{1,2}[:.]\d{2}(?: ?[ap]m)?|\d{1,2} ?[ap]m)\b")),
    "impact": Rule(
        0.2, _any(r"\b\d[\d,.]*k? (?:\w+ )?(?:customers?|users|tickets|tenants|merchants|conversations|requests|orders|chats)\b")
    ),
    "over": Rule(
        0.35,
        _any(
            r"\bmitigated\b",
            r"^\W*fixed\b",
            r"\bback to normal\b",
            r"\brecovered\b",
            r"\berror rate (?:is )?(?:back|down)\b",
            r"\bresolved\b",
            r"\ball clear\b",
            r"\broot cause\b",
            r"\bhotfix\w*\b",
            r"\bstopped the bleeding\b",
        ),
    ),
    "closed": Rule(
        0.1, _any(r"\bresolved\b", r"\ball clear\b", r"\bclosing (?:this|the incident|it) ?(?:out)?\b", r"\bincident (?:is )?closed\b")
    ),
    "effort": Rule(
        0.1, _any(r"\btook (?:us|me|the team) [\d.]+ ?(?:h|hours?|m|min(?:ute)?s?)\b", r"\b[\d.]+ (?:engineer|person)[ -]hours\b")
    ),
    "cost": Rule(
        0.05, _any(r"\bcost (?:us |about |around )*(?:[€£][\d,.]+k?|[\d,.]+k? ?(?:eur|usd|gbp|chf)|(?:eur|usd|gbp|chf) ?[\d,.]+k?)")
    ),
    "preventable": Rule(0.05, _words("preventable", "avoidable", "would have been caught", "a gate would have")),
    "near-miss": Rule(0.45, _words("near[ -]miss", "caught (?:it|this) (?:before|in staging)")),
    "suspected": Rule(
        0.05, _any(rf"\b(?:caused by|introduced (?:in|by|with)|broke with|broken since|it is|culprit is|suspect(?:ing)?) ({_RELEASE})\b")
    ),
    "deployed": Rule(
        0.5,
        _words(
            *(
                "deployed",
                "shipped",
                "released",
                "rolled out",
                r"(?:promoted|pushed) (?:[\w.-]+ ){0,5}(?:to|into) (?:prod|production|live)",
            ),
            *(r"is (?:now )?live", rf"(?:prod|production) is (?:now )?on {_RELEASE}"),
            r"(?:deploy|deployment|rollout) (?:of \S+ )?(?:to \S+ )?(?:is )?(?:done|complete|finished|through)",
        ),
    ),
    "rolled-back": Rule(
        0.55,
        _words(
            r"rolled (?:\w+ ){0,3}?back",
            r"reverted (?:\w+ ){0,3}?(?:back )?to",
            r"had to roll (?:\w+ ){0,3}?back",
            r"rollback (?:of \S+ )?(?:to \S+ )?(?:is |was )?(?:done|complete|finished|through)",
            rf"(?:we're|we are|prod is|production is|is|^) ?back (?:on|to) {_RELEASE}",
        ),
    ),
    "rolling-back": Rule(0.4, _words(r"rolling (?:\w+ ){0,3}?back", r"reverting (?:\w+ ){0,3}?(?:back )?to")),
}

FALSE_ALARM = _words(
    *("false alarm", "not an incident", "no incident", "non-incident", "fire drill", r"(?:a|the|just a|only a) (?:\w+ )?drill"),
    *("game ?day", "tabletop", "exercise", "test alert", "just kidding", "april fools?"),
)
"""What takes back a whole thread."""

ASKED = re.compile(
    r"^\W*(?:did|does|do|is|are|can|could|should|shall|would|any ?one|any ?body|wondering|any idea|who|why|how|what if|what about)\b(?!')"
)
"""How a question begins, whether or not it ends as one."""

SUPPOSED_WHOLE = re.compile(
    r"^\W*(?:if|in case|suppose|supposing|imagine|what if|unless|whenever|should (?:we|i|it)|next time|hypothetically)\b"
)
"""How a sentence begins that only supposes, all of it."""

SUPPOSED = _words(
    *(
        "if",
        "unless",
        "in case",
        "would",
        "could have",
        "might",
        "may",
        "maybe",
        "perhaps",
        r"consider\w*",
        "plan(?:ning|s)? to",
        "planned",
    ),
    *("going to", "gonna", "about to", "will", "(?:i|we|they|you)'ll", "let'?s", "wants? to", "needs? to", "have to", "has to", "ready to"),
    *(
        "able to",
        "before",
        "until",
        "once",
        "tomorrow",
        "next (?:week|sprint)",
        "tonight",
        "later today",
        "scheduled",
        "to-?do",
        r"remind\w*",
    ),
    *("please", "pls", "how to", "don't forget", "waiting (?:for|to)", "proposal", "rfc", "draft", "as soon as", r"ask\w* to", "should"),
)
"""What makes that which follows it supposed, planned or asked for."""

PLANNED_AFTER = _words("tomorrow", "next (?:week|sprint|month)", "tonight", "later today", "if needed", "would be")
"""What makes that which stands before it a plan."""

DENIED = re.compile(
    r"\b(?:no|not|never|isn'?t|wasn'?t|aren'?t|didn'?t|doesn'?t|haven'?t|hasn'?t|won'?t|don'?t|nothing|nobody|without|neither|nor"
    r"|instead of|rather than|almost|nearly|avoid(?:ed|s)?|prevent(?:ed|s)?)\b(?:\W+[\w']+){0,4}\W*$"
)
"""What denies that which follows it within a few words."""

JOKED = re.compile(
    r":(?:joy|rofl|laughing|sweat_smile|stuck_out_tongue\w*|clown_face|wink|upside_down_face):"
    r"|\b(?:lol|lmao|haha\w*|jk|just kidding)\b|[😂🤣]"
)
"""How people show that they do not mean it."""

ELSEWHERE = _any(
    _words(
        *(
            "coffee",
            "espresso",
            "kitchen",
            "fridge",
            "printer",
            "lunch",
            "snacks?",
            "elevator",
            "lift",
            "wi-?fi",
            "hvac",
            "parking",
            "pizza",
        ),
        *("football", "fantasy", "playlist", "birthday", "netflix", "laptop", "my machine", "localhost", "dev", "sandbox", "preview"),
        *("demo environment", "test suite", "docs site", "blog", "newsletter", "slides?", "spreadsheet", "calendar", "readme", "wiki"),
        *(
            "maintenance",
            "benchmarks?",
            "papers?",
            "handbook",
            "glossary",
            "template",
            "polic(?:y|ies) (?:doc|page)",
            "defin(?:ed|ition|es)",
            "quiz",
        ),
        *("(?<!not a )drills?", "demos?", "rehearsal", "exercise", "user error"),
        *("migration script", "pull request", "prs?", "branch", "commit", "lockfile", "sdk"),
        r"(?:github|gitlab|slack|jira|zoom|npm|pypi|aws|gcp|azure|cloudflare|openai|anthropic|their|his|her)(?:'s)? (?:\w+ )?"
        r"(?:is|are|was|has|have|had|outage|incident|status)",
    ).pattern,
    r"\boutage (?:at|of) \w+",
)
"""What is not ours, or not what runs in production."""

REMEMBERED = _words(
    "last (?:week|month|year|quarter|night|time|sprint|spring|summer|autumn|fall|winter)",
    *(
        "(?<!since )yesterday",
        "(?:years?|months?|weeks?|days?) ago",
        "back in",
        r"remember\w*",
        "previous (?:incident|outage|week|month|time)s?",
        "post-?mortems? (?:of|for|from)",
    ),
    *(r"retro\w*", "runbooks?", "training", "onboarding", "wrote up", "write-?up", "used to", "the old"),
    r"in (?:january|february|march|april|may|june|july|august|september|october|november|december|20\d\d)",
    "on (?:mon|tues|wednes|thurs|fri|satur|sun)day",
)
"""What tells of an earlier time, which the time of the line does not date."""

EARLIER = re.compile(
    r"\b(?:since|after|when|whenever|because|(?:that|which|version|release|what|one|ones) (?:we|i|you|they|was|were|got|had))\b[^,;:]*$"
)
"""What stands before a move that is only mentioned."""
