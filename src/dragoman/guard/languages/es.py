"""Spanish."""

from dragoman.guard.languages.table import LanguageTable, TimeRule

_UP_TO = r"(?:a |de |son |sobre |hasta |desde |hacia )?(?:las|la)"

TABLE = LanguageTable(
    "es",
    words=True,
    idioms=(
        r"a las mil maravillas",
        r"mil (?:gracias|perdones|disculpas|veces)",
        r"cuatro gatos",
        r"a los cuatro vientos",
        r"en (?:un )?dos por tres",
        r"(?:en )?dos palabras",
        r"ciento y la madre",
        r"segunda mano",
        r"tercer mundo|tercera edad|terceros",
        r"cada dos por tres",
        r"(?:al )?cien por cien(?:to)? (?:seguro|segura|de acuerdo)",
        r"quince días",
        r"ocho días",
        r"cuarto de (?:baño|estar|hora)",
        r"ni una ni dos",
        r"más de (?:uno|una)",
    ),
    other=frozenset({"cuarto", "cuarta", "cuartos"}),
    weak=frozenset({"quinta", "quinto", "segundo", "segundos", "segunda", "segundas"}),
    fraction=r"una?|#",
    equivalents={
        r"(?:una )?docena|docenas": (12,),
        r"ambos|ambas|(?:un )?par|pareja|doble": (2,),
        r"quince días|quincena": (14, 15, 2),
        r"ocho días|una semana": (7, 8),
        r"triple": (3,),
        r"década": (10,),
        r"siglo|centenar|centenares": (100,),
        r"millar|millares|miles": (1000,),
        r"mediodía": (12,),
        r"medianoche": (12, 0),
        r"ningún|ninguna|ninguno": (0,),
        r"(?:al )?cien por cien(?:to)? (?:seguro|segura|de acuerdo)": (100,),
        r"media|medio|mitad": (30, 50),
        r"(?:un )?tercio|tercios": (3,),
        r"cuarto": (15, 4),
    },
    respell={
        "tercer": "tercero",
        "veintiún": "veintiuno",
        "veintiun": "veintiuno",
        "veintiuna": "veintiuno",
        "veintidos": "veintidós",
    }
    | {"veintitres": "veintitrés", "veintiseis": "veintiséis", "dieciseis": "dieciséis"},
    scales={"mil": 10**3, "millón": 10**6, "millon": 10**6, "millones": 10**6, "billón": 10**12, "billones": 10**12}
    | {"mil millones": 10**9, "docenas": 12, "cientos": 100},
    halves=("y medio", "y media"),
    half_of=("medio",),
    percent=("por ciento", "por cien", "porciento", "puntos? porcentuales"),
    currencies={"euro": "EUR", "euros": "EUR", "eur": "EUR", "dólar": "USD", "dólares": "USD", "usd": "USD"}
    | {"yen": "JPY", "yenes": "JPY", "yuanes": "CNY", "francos": "CHF", "liras": "TRY"},
    cents=r"céntimos?|centavos?|cents?",
    times=(
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) y media", base=30),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) y cuarto", base=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) menos cuarto", base=-15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) menos (?P<m>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) y (?P<m>#)(?: minutos)?", times=1),
        TimeRule(r"(?P<m>#) minutos para las (?P<h>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) en punto"),
        TimeRule(r"(?P<lead>las|la) (?P<h>#) horas", sure=True),
    ),
    morning=r"am|a \. m(?: \.)?|de la (?:mañana|madrugada)",
    afternoon=r"pm|p \. m(?: \.)?|de (?:la tarde|esta tarde)",
    night=r"de (?:la|esta) noche",
    of=r"de|del|d",
    ordinals=r"\.?[ºª°]|\.?er|\.?ª|ra|ro|er|do|da|to|ta",
)
