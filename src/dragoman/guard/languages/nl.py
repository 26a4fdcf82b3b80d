"""Dutch: number words, times and dates; few idioms yet."""

from dragoman.guard.languages.table import LanguageTable, TimeRule

TABLE = LanguageTable(
    "nl",
    words=True,
    idioms=(r"duizend(?:maal)? dank", r"veertien dagen", r"acht dagen", r"onder vier ogen"),
    weak=frozenset({"tweede", "seconde"}),
    fraction=r"een|#",
    equivalents={
        r"dozijn": (12,),
        r"beide[n]?|paar|dubbel\w*|tweemaal": (2,),
        r"veertien dagen": (14, 15, 2),
        r"derde": (3,),
        r"middag": (12,),
        r"middernacht": (12, 0),
        r"geen": (0,),
        r"half|halve|helft": (30, 50),
        r"kwart": (15, 4),
    },
    scales={"duizend": 10**3, "miljoen": 10**6, "miljard": 10**9, "honderd": 100, "mln": 10**6, "mld": 10**9},
    half_of=("half", "een half"),
    percent=("procent",),
    currencies={"euro": "EUR", "eur": "EUR", "dollar": "USD", "usd": "USD", "yen": "JPY"},
    cents=r"cents?",
    times=(
        TimeRule(r"half (?P<h>#)", base=-30),
        TimeRule(r"kwart over (?P<h>#)", base=15),
        TimeRule(r"kwart voor (?P<h>#)", base=-15),
        TimeRule(r"(?P<m>#) over (?P<h>#)", times=1),
        TimeRule(r"(?P<m>#) voor (?P<h>#)", times=-1),
        TimeRule(r"(?P<h>#) uur (?P<m>#)", times=1, sure=True),
    ),
    morning=r"(?:uur )?(?:'s ochtends|'s morgens|s ochtends)",
    afternoon=r"(?:uur )?(?:'s middags|'s avonds|s middags|s avonds)",
    night=r"(?:uur )?(?:'s nachts|s nachts)",
    of=r"van",
    ordinals=r"e|de|ste",
)
