"""Portuguese, European and Brazilian."""

from dragoman.guard.languages.table import LanguageTable, TimeRule

_UP_TO = r"(?:às|as|à|a|pelas|são|até as|das|é)"

TABLE = LanguageTable(
    "pt",
    words=True,
    idioms=(
        r"(?:segunda|terça|quarta|quinta|sexta)s?(?:[- ]feiras?)",
        r"(?:na|nas|da|até|próxima|à|às|esta|nesta|para) (?:segunda|terça|quarta|quinta|sexta)",
        r"mil (?:desculpas|perdões|maravilhas|vezes)",
        r"cem por cento (?:certo|certa|de acordo)",
        r"quinze dias",
        r"oito dias",
        r"duas palavras",
        r"segunda mão",
        r"terceira idade|terceiro mundo|terceiros",
        r"dois dedos de conversa",
        r"de quatro",
    ),
    weak=frozenset(
        {
            "milhares",
            "milhões",
            "centenas",
            "meia",
            "segundo",
            "segundos",
            "segunda",
            "terça",
            "quarta",
            "quinta",
            "sexta",
        }
    ),
    other=frozenset({"uns", "umas", "centavo", "centavos", "quarto", "quartos"}),
    fraction=r"uma?|#",
    equivalents={
        r"dúzia|dúzias": (12,),
        r"ambos|ambas|par|casal|dobro": (2,),
        r"quinze dias|quinzena": (14, 15, 2),
        r"oito dias|uma semana": (7, 8),
        r"triplo|terço|terços": (3,),
        r"década|dezena": (10,),
        r"século|centena|centenas": (100,),
        r"milhar|milhares": (1000,),
        r"meio[- ]dia": (12,),
        r"meia[- ]noite": (12, 0),
        r"nenhum|nenhuma": (0,),
        r"meia|meio|metade": (30, 50, 6),
        r"cem por cento (?:certo|certa|de acordo)": (100,),
        r"quarto": (15, 4),
    },
    respell={"quatorze": "catorze", "dezesete": "dezessete", "tres": "três"},
    scales={"mil": 10**3, "milhão": 10**6, "milhões": 10**6, "bilhão": 10**9, "bilhões": 10**9, "mil milhões": 10**9}
    | {"bilião": 10**12, "biliões": 10**12, "dúzias": 12},
    halves=("e meio", "e meia"),
    units=r"horas?|anos?|m[êe]s(?:es)?|semanas?|dias?|minutos?|quilos?|quilómetros?|quilômetros?|litros?|metros?|pontos?|vezes|euros?",
    half_of=("meio",),
    percent=("por cento", "porcento", "pontos? percentuais"),
    currencies={"euro": "EUR", "euros": "EUR", "eur": "EUR", "dólar": "USD", "dólares": "USD", "usd": "USD"}
    | {"reais": "BRL", "ienes": "JPY", "francos": "CHF"},
    cents=r"cêntimos?|centavos?|cents?",
    times=(
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) (?:horas )?e meia", base=30),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) (?:horas )?e # quarto", base=15),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) (?:horas )?menos # quarto", base=-15),
        TimeRule(r"(?:# )?quarto para as (?P<h>#)", base=-15),
        TimeRule(r"(?P<m>#) (?:minutos )?para as (?P<h>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) (?:horas )?menos (?P<m>#)", times=-1),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) (?:horas )?e (?P<m>#)(?: minutos)?", times=1),
        TimeRule(r"(?P<lead>às|as) (?P<h>#) horas", sure=True),
        TimeRule(rf"(?P<lead>{_UP_TO}) (?P<h>#) em ponto"),
    ),
    morning=r"(?:horas )?(?:da (?:manhã|madrugada)|am)",
    afternoon=r"(?:horas )?(?:da tarde|desta tarde|pm)",
    night=r"(?:horas )?(?:da|desta) noite",
    of=r"de|do|d",
    ordinals=r"\.?[ºª°]",
)
