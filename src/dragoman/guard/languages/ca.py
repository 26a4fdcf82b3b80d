"""Catalan."""

from dragoman.guard.languages.table import LanguageTable, TimeRule

_UP_TO = r"(?:a |de |són |cap a |fins a )?(?:les|la)"
_D = r"d(?:e| ')"

TABLE = LanguageTable(
    "ca",
    words=True,
    idioms=(
        r"mil (?:gràcies|perdons|vegades)",
        r"quatre gats",
        r"(?:en )?(?:dues|quatre) paraules",
        r"cent per cent (?:segur|segura|d'acord)",
        r"quinze dies",
        r"(?:em|et|li|ens|us|els) deu",
        r"vuit dies",
        r"segona mà",
        r"tercera edat|tercer món|tercers",
        r"tinc set|tens set|té set|tenim set|la set|té nou|de nou",
    ),
    weak=frozenset({"milions", "segon", "segons", "segona", "segones", "quinta", "nou", "nous", "deu", "té"}),
    other=frozenset({"quart", "quarts"}),
    fraction=r"una?|#",
    equivalents={
        r"dotzena|dotzenes": (12,),
        r"ambdós|ambdues|parell|parella|doble|tots dos|totes dues": (2,),
        r"quinze dies|quinzena": (14, 15, 2),
        r"vuit dies|una setmana": (7, 8),
        r"triple|terç|terços": (3,),
        r"dècada|desena": (10,),
        r"segle|centenar|centenars": (100,),
        r"miler|milers|milenar": (1000,),
        r"migdia": (12,),
        r"mitjanit": (12, 0),
        r"cap": (0,),
        r"mig|mitja|meitat": (30, 50),
        r"cent per cent (?:segur|segura|d'acord)": (100,),
        r"quart": (15, 4),
    },
    scales={"mil": 10**3, "milió": 10**6, "milions": 10**6, "mil milions": 10**9, "bilió": 10**12, "dotzenes": 12},
    halves=("i mig", "i mitja"),
    units=r"hor(?:a|es)|anys?|mes(?:os)?|setman(?:a|es)|di(?:a|es)|minuts?|quilos?|quilòmetres?|litres?|metres?|punts?|vegades|euros?",
    half_of=("mig",),
    percent=("per cent", "percent", "punts? percentuals?"),
    currencies={"euro": "EUR", "euros": "EUR", "eur": "EUR", "dòlar": "USD", "dòlars": "USD", "usd": "USD"}
    | {"iens": "JPY", "francs": "CHF"},
    cents=r"cèntims?|centaus?|cents?",
    times=(
        TimeRule(rf"(?P<m>#) quarts? {_D} (?P<h>#)", base=-60, times=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) i mitja", base=30),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) i quart", base=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) menys quart", base=-15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) menys (?P<m>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) i (?P<m>#)(?: minuts)?", times=1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) en punt"),
        TimeRule(r"(?P<lead>les) (?P<h>#) hores", sure=True),
    ),
    morning=r"(?:hores )?(?:del matí|de la matinada|de la mati)",
    afternoon=r"(?:hores )?(?:de la tarda|del migdia|del vespre|d ' aquest(?:a tarda| vespre))",
    night=r"(?:hores )?de la nit",
    of=r"de|del|d '",
    ordinals=r"r|n|t|è|a|é",
)
