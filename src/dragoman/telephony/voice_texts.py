"""What a caller hears who pressed ``*7`` in a room, per language; spoken into files like the other prompts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "voice-ask": "May your voice be learnt in this call, to speak your translations? Say yes, or press 1.",
            "voice-yes": "Your voice is learnt while you speak. When you hang up, it is forgotten.",
            "voice-no": "Your voice is not learnt.",
            "voice-has": "Your translations are spoken in your own voice already.",
            "voice-away": "Your own voice is not available just now.",
            "voice-keep": "To keep your voice for later calls, press 1. To forget it now, press 3.",
            "voice-kept": "Your voice is kept.",
            "voice-later": "Your voice will be kept as soon as that is possible.",
            "voice-dropped": "Your voice is forgotten.",
        },
        "es": {
            "voice-ask": "¿Podemos aprender su voz en esta llamada para decir sus traducciones? Diga sí, o pulse 1.",
            "voice-yes": "Su voz se aprende mientras habla. Cuando cuelgue, se olvida.",
            "voice-no": "Su voz no se aprende.",
            "voice-has": "Sus traducciones ya suenan con su propia voz.",
            "voice-away": "Su propia voz no está disponible en este momento.",
            "voice-keep": "Para guardar su voz, pulse 1. Para olvidarla ahora, pulse 3.",
            "voice-kept": "Su voz queda guardada.",
            "voice-later": "Su voz se guardará en cuanto sea posible.",
            "voice-dropped": "Su voz se ha olvidado.",
        },
        "ca": {
            "voice-ask": "Podem aprendre la vostra veu en aquesta trucada, per traduir-vos? Digueu sí o premeu 1.",
            "voice-yes": "La vostra veu s'aprèn mentre parleu. Quan pengeu, s'oblida.",
            "voice-no": "La vostra veu no s'aprèn.",
            "voice-has": "Les vostres traduccions ja sonen amb la vostra veu.",
            "voice-away": "La vostra veu no està disponible en aquest moment.",
            "voice-keep": "Per desar la vostra veu, premeu 1. Per oblidar-la ara, premeu 3.",
            "voice-kept": "La vostra veu queda desada.",
            "voice-later": "La vostra veu es desarà tan aviat com es pugui.",
            "voice-dropped": "La vostra veu s'ha oblidat.",
        },
        "fr": {
            "voice-ask": "Peut-on apprendre votre voix durant cet appel pour vos traductions? Dites oui, ou tapez 1.",
            "voice-yes": "Votre voix est apprise pendant que vous parlez. Quand vous raccrochez, elle est oubliée.",
            "voice-no": "Votre voix n'est pas apprise.",
            "voice-has": "Vos traductions ont déjà votre propre voix.",
            "voice-away": "Votre propre voix n'est pas disponible pour le moment.",
            "voice-keep": "Pour garder votre voix, appuyez sur 1. Pour l'oublier maintenant, sur 3.",
            "voice-kept": "Votre voix est gardée.",
            "voice-later": "Votre voix sera gardée dès que possible.",
            "voice-dropped": "Votre voix est oubliée.",
        },
        "pt": {
            "voice-ask": "Podemos aprender a sua voz nesta chamada para dizer as traduções? Diga sim, ou prima 1.",
            "voice-yes": "A sua voz é aprendida enquanto fala. Quando desligar, é esquecida.",
            "voice-no": "A sua voz não é aprendida.",
            "voice-has": "As suas traduções já são ditas com a sua voz.",
            "voice-away": "A sua voz não está disponível neste momento.",
            "voice-keep": "Para guardar a sua voz, prima 1. Para a esquecer agora, prima 3.",
            "voice-kept": "A sua voz ficou guardada.",
            "voice-later": "A sua voz será guardada assim que for possível.",
            "voice-dropped": "A sua voz foi esquecida.",
        },
        "it": {
            "voice-ask": "Possiamo imparare la sua voce in questa chiamata per le traduzioni? Dica sì, o prema 1.",
            "voice-yes": "La sua voce viene imparata mentre parla. Quando riaggancia, viene dimenticata.",
            "voice-no": "La sua voce non viene imparata.",
            "voice-has": "Le sue traduzioni hanno già la sua voce.",
            "voice-away": "La sua voce non è disponibile in questo momento.",
            "voice-keep": "Per salvare la sua voce, prema 1. Per dimenticarla ora, prema 3.",
            "voice-kept": "La sua voce è salvata.",
            "voice-later": "La sua voce sarà salvata appena possibile.",
            "voice-dropped": "La sua voce è dimenticata.",
        },
        "de": {
            "voice-ask": "Darf Ihre Stimme in diesem Gespräch für Ihre Übersetzungen gelernt werden? Ja, oder die 1.",
            "voice-yes": "Ihre Stimme wird gelernt, während Sie sprechen. Wenn Sie auflegen, wird sie vergessen.",
            "voice-no": "Ihre Stimme wird nicht gelernt.",
            "voice-has": "Ihre Übersetzungen werden schon mit Ihrer Stimme gesprochen.",
            "voice-away": "Ihre eigene Stimme ist zurzeit nicht möglich.",
            "voice-keep": "Um Ihre Stimme zu behalten, drücken Sie die 1. Um sie zu vergessen, die 3.",
            "voice-kept": "Ihre Stimme ist gespeichert.",
            "voice-later": "Ihre Stimme wird gespeichert, sobald das möglich ist.",
            "voice-dropped": "Ihre Stimme ist vergessen.",
        },
    }
)
"""Language code -> prompt name -> text. ``voice-ask`` is also what the consent says was agreed to."""


def text_in(language: str, name: str) -> str:
    """A text in a language, or in English where it has none."""
    return TEXTS.get(language, TEXTS["en"])[name]
