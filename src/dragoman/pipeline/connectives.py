"""Per language: the words at which a clause begins, those at which none ends, abbreviations with a full stop. Data."""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Connectives:
    """Plain words (``plain.plain``) of one language."""

    strong: frozenset[str] = frozenset()
    """Subordinating and adversative conjunctions: what stands before one is nearly always a clause."""
    weak: frozenset[str] = frozenset()
    """Coordinating ones, which join words as often as clauses: a clause must be longer to be cut at them."""
    dangling: frozenset[str] = frozenset()
    """Articles, possessives and the like, beside all conjunctions: nobody ends a sentence on one."""
    abbreviations: frozenset[str] = frozenset()
    """Words whose full stop ends no sentence."""
    code: str = ""
    """Of the language, by which its numbers are known."""

    def unfinished(self, word: str) -> bool:
        """Whether a sentence that so far ends on this plain word, without a mark, goes on."""
        return word in self.dangling or word in self.weak or word in self.strong


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NONE = Connectives()
"""Of a language that is not in the table: punctuation, pauses and the length cap alone decide."""

CONNECTIVES = {
    "en": Connectives(
        _words(
            "but because although though while whereas unless until since when whenever if which who whose where so"
        ),
        _words("and or nor then as than that"),
        _words("a an the my your his our their its this these every very of from into with at is are was were i we"),
        _words("mr mrs ms dr prof st vs etc e.g i.e inc ltd jr sr"),
    ),
    "es": Connectives(
        _words("pero porque aunque mientras cuando si donde sino pues quien quienes cuyo cuya como"),
        _words("y e o u ni que entonces"),
        _words(
            "el la los las un una unos unas mi tu su mis tus sus nuestro nuestra del al de en con por para a muy es"
        ),
        _words("sr sra srta dr dra d dña ud uds etc núm pág p.ej av"),
    ),
    "fr": Connectives(
        _words("mais parce car donc quand lorsque si puisque tandis quoique où dont qui comme"),
        _words("et ou ni que alors"),
        _words(
            "le la les un une des du de mon ma mes ton ta tes son sa ses notre votre leur à au aux en avec très est"
        ),
        _words("m mm mme mlle dr me etc p.ex av"),
    ),
    "de": Connectives(
        _words("aber weil obwohl während wenn als ob dass damit sobald bevor nachdem sondern denn wo wobei"),
        _words("und oder noch dann"),
        _words(
            "der die das den dem des ein eine einen einem einer mein dein sein ihr unser euer mit von zu im am sehr"
        ),
        _words("hr fr dr prof nr z.b d.h u.a usw bzw st ca"),
    ),
    "pt": Connectives(
        _words("mas porque embora enquanto quando se onde pois quem cujo cuja porém como"),
        _words("e ou nem que então"),
        _words(
            "o a os as um uma uns umas meu minha seu sua nosso nossa do da dos das de em no na com por para ao muito"
        ),
        _words("sr sra dr dra etc av p.ex n"),
    ),
    "it": Connectives(
        _words("ma perché benché mentre quando se dove poiché però quindi chi cui siccome come"),
        _words("e ed o od né che allora"),
        _words("il lo la i gli le un uno una mio tuo suo nostro vostro loro del della di da in con su per al molto è"),
        _words("sig sig.ra dott dr prof ecc p.es avv"),
    ),
    "ca": Connectives(
        _words("però perquè encara mentre quan si on sinó doncs qui com"),
        _words("i o ni que llavors"),
        _words("el la els les un una uns unes meu teu seu nostre vostre del al dels als de en amb per a molt és"),
        _words("sr sra dr dra etc av p.ex núm"),
    ),
}
"""By ISO 639-1 code. Grammar, not statistics: short lists of words that are what they are in nearly every sentence."""


def connectives(language: str) -> Connectives:
    """Of this language; those of none when it has no list."""
    return replace(CONNECTIVES.get(language, NONE), code=language)
