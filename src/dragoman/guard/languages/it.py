"""Italian."""

from dragoman.guard.languages.table import LanguageTable, TimeRule

_UP_TO = r"(?:alle|le|dalle|sono le|delle|all '|l '|verso le)"

TABLE = LanguageTable(
    "it",
    words=True,
    idioms=(
        r"mille (?:grazie|scuse|volte)",
        r"quattro (?:passi|chiacchiere|gatti)",
        r"due (?:parole|passi|chiacchiere)",
        r"su due piedi",
        r"in quattro e quattr'otto",
        r"farsi in quattro",
        r"a quattr'occhi",
        r"(?:al )?cento per cento (?:sicuro|sicura|d'accordo)",
        r"quindici giorni",
        r"otto giorni",
        r"seconda mano",
        r"terza età|terzo mondo|terzi",
        r"tu sei|lei sei|sei (?:sicur|pront|stat)\w*",
        r"sei (?:d'accordo|mai|qui|lì|tu|una?|in|molto|troppo|proprio|il|la|ancora|già)",
    ),
    weak=frozenset({"milioni", "miliardi", "sei", "secondo", "seconda", "secondi", "seconde", "quinta", "terzi"}),
    other=frozenset({"centesimo", "centesimi", "quarto", "quarti"}),
    fraction=r"una?|#|un '",
    equivalents={
        r"dozzina|dozzine": (12,),
        r"entramb[ie]|(?:un )?paio|coppia|doppio": (2,),
        r"quindici giorni|quindicina": (14, 15, 2),
        r"otto giorni|una settimana": (7, 8),
        r"triplo|terzo|terzi": (3,),
        r"decina|decennio": (10,),
        r"ventina": (20,),
        r"trentina": (30,),
        r"secolo|centinaio|centinaia": (100,),
        r"migliaio|migliaia": (1000,),
        r"mezzogiorno": (12,),
        r"mezzanotte": (12, 0),
        r"nessun|nessuno|nessuna": (0,),
        r"mezz[ao]|metà": (30, 50),
        r"(?:al )?cento per cento (?:sicuro|sicura|d'accordo)": (100,),
        r"sei": (6,),
        r"quarto": (15, 4),
    },
    respell={"vent": "venti", "trent": "trenta", "quarant": "quaranta", "cinquant": "cinquanta"}
    | {"sessant": "sessanta", "settant": "settanta", "ottant": "ottanta", "novant": "novanta"}
    | {"ventitre": "ventitré", "trentatre": "trentatré"},
    elisions=(("centott", "centoott"),),
    scales={"mila": 10**3, "mille": 10**3, "milione": 10**6, "milioni": 10**6, "miliardo": 10**9, "miliardi": 10**9}
    | {"dozzine": 12, "mln": 10**6, "mld": 10**9},
    halves=("e mezzo", "e mezza"),
    units=r"or[ae]|ann[oi]|mes[ei]|settiman[ae]|giorn[oi]|minut[oi]|chil[oi]|chilometr[oi]|litr[oi]|metr[oi]|punt[oi]|volte|euro",
    half_of=("mezzo",),
    percent=("per cento", "percento", "punti? percentuali"),
    currencies={"euro": "EUR", "eur": "EUR", "dollaro": "USD", "dollari": "USD", "usd": "USD", "yen": "JPY"}
    | {"franchi": "CHF"},
    cents=r"centesim[io]|cents?",
    times=(
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) e mezz[ao]", base=30),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) e (?:un )?quarto", base=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) e # quarto", base=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) meno (?:un |# )?quarto", base=-15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) meno (?P<m>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) e (?P<m>#)(?: minuti)?", times=1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?:ore )?(?P<h>#) in punto"),
        TimeRule(r"(?P<lead>(?:alle|le|dalle) ore) (?P<h>#)", sure=True),
    ),
    morning=r"d(?:i|el|ella) (?:mattin[ao]|mattina)",
    afternoon=r"d(?:i|el|ella) (?:pomeriggio|sera)",
    night=r"d(?:i|ella) notte",
    of=r"di|d '|del",
    ordinals=r"[ºª°]",
)
