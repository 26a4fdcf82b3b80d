"""What a caller hears who enrols his voice by phone, per language; spoken into files like the other prompts."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

SENTENCES = 5
"""That are read aloud: 4 to 6 s each; three of them must be good (enrolment.model.CLIPS_NEEDED). The first one is the
consent: the recording of it is kept, and its hash stands in the profile's consent."""

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "enrol-code": "Please enter your enrolment code.",
            "enrol-wrong": "That code is not right.",
            "enrol-away": "Enrolment is not available just now. Please call again later.",
            "enrol-consent": "Your voice will be recorded and cloned to speak your translations. To agree, press 1.",
            "enrol-read": "Repeat each sentence after the beep. Then press the hash key.",
            "enrol-sentence-1": "I agree that my voice is recorded and cloned to speak my translations.",
            "enrol-sentence-2": "Would you rather meet on Thursday, or is the end of next week better for you?",
            "enrol-sentence-3": "My neighbour grows tomatoes, beans and a few yellow roses behind the house.",
            "enrol-sentence-4": "I am quite sure that the answer is hidden somewhere in those old letters.",
            "enrol-sentence-5": "In the end we walked home through the rain, laughing about the whole thing.",
            "enrol-wait": "One moment, please.",
            "enrol-refused": "Your voice was not clear enough. Let us try again, in a quiet place.",
            "enrol-sample": "This is how I will sound when my words are translated.",
            "enrol-keep": "To keep this voice, press 1. To hear it again, 2. To discard it, 3.",
            "enrol-kept": "Your voice is kept. Goodbye.",
            "enrol-discarded": "Nothing was kept. Goodbye.",
        },
        "es": {
            "enrol-code": "Introduzca su código de registro.",
            "enrol-wrong": "El código no es correcto.",
            "enrol-away": "En este momento no es posible registrarse. Llame más tarde, por favor.",
            "enrol-consent": "Su voz se grabará y se clonará para decir sus traducciones. Si está de acuerdo, pulse 1.",
            "enrol-read": "Repita cada frase después de la señal. Luego pulse la almohadilla.",
            "enrol-sentence-1": "Estoy de acuerdo con que se grabe y se clone mi voz para mis traducciones.",
            "enrol-sentence-2": "¿Prefiere que nos veamos el jueves, o le viene mejor el final de la semana?",
            "enrol-sentence-3": "Mi vecina cultiva tomates, judías y unas rosas amarillas detrás de la casa.",
            "enrol-sentence-4": "Estoy seguro de que la respuesta se esconde en aquellas viejas cartas.",
            "enrol-sentence-5": "Al final volvimos a casa bajo la lluvia, riéndonos de todo aquello.",
            "enrol-wait": "Un momento, por favor.",
            "enrol-refused": "Su voz no se oyó con claridad. Probemos otra vez, en un lugar tranquilo.",
            "enrol-sample": "Así sonaré cuando se traduzcan mis palabras.",
            "enrol-keep": "Para guardar esta voz, pulse 1. Para oírla otra vez, 2. Para borrarla, 3.",
            "enrol-kept": "Su voz queda guardada. Adiós.",
            "enrol-discarded": "No se ha guardado nada. Adiós.",
        },
        "ca": {
            "enrol-code": "Introduïu el vostre codi de registre.",
            "enrol-wrong": "El codi no és correcte.",
            "enrol-away": "En aquest moment no és possible registrar-se. Truqueu més tard, si us plau.",
            "enrol-consent": "La vostra veu es gravarà i es clonarà per dir les traduccions. Per acceptar, premeu 1.",
            "enrol-read": "Repetiu cada frase després del senyal. Després premeu el coixinet.",
            "enrol-sentence-1": "Estic d'acord que es gravi i es cloni la meva veu per a les meves traduccions.",
            "enrol-sentence-2": "Us va millor que ens vegem dijous, o a finals de la setmana que ve?",
            "enrol-sentence-3": "La meva veïna cultiva tomàquets, mongetes i unes roses grogues darrere la casa.",
            "enrol-sentence-4": "Estic segur que la resposta s'amaga en aquelles cartes velles.",
            "enrol-sentence-5": "Al final vam tornar a casa sota la pluja, rient de tot plegat.",
            "enrol-wait": "Un moment, si us plau.",
            "enrol-refused": "La vostra veu no s'ha sentit prou clara. Tornem-ho a provar, en un lloc tranquil.",
            "enrol-sample": "Així sonaré quan es tradueixin les meves paraules.",
            "enrol-keep": "Per desar aquesta veu, premeu 1. Per tornar-la a sentir, 2. Per esborrar-la, 3.",
            "enrol-kept": "La vostra veu queda desada. Adéu.",
            "enrol-discarded": "No s'ha desat res. Adéu.",
        },
        "fr": {
            "enrol-code": "Veuillez saisir votre code d'inscription.",
            "enrol-wrong": "Ce code n'est pas correct.",
            "enrol-away": "L'inscription n'est pas possible pour le moment. Rappelez plus tard, s'il vous plaît.",
            "enrol-consent": "Votre voix sera enregistrée et clonée pour vos traductions. Pour accepter, tapez 1.",
            "enrol-read": "Répétez chaque phrase après le signal. Puis appuyez sur dièse.",
            "enrol-sentence-1": "J'accepte que ma voix soit enregistrée et clonée pour dire mes traductions.",
            "enrol-sentence-2": "Préférez-vous jeudi, ou la fin de la semaine prochaine vous convient-elle mieux?",
            "enrol-sentence-3": "Ma voisine cultive des tomates, des haricots et des roses jaunes derrière la maison.",
            "enrol-sentence-4": "Je suis sûr que la réponse se cache quelque part dans ces vieilles lettres.",
            "enrol-sentence-5": "Finalement, nous sommes rentrés sous la pluie en riant de toute cette histoire.",
            "enrol-wait": "Un instant, s'il vous plaît.",
            "enrol-refused": "Votre voix n'était pas assez claire. Essayons encore, dans un endroit calme.",
            "enrol-sample": "Voilà comment je parlerai quand mes paroles seront traduites.",
            "enrol-keep": "Pour garder cette voix, appuyez sur 1. Pour la réécouter, sur 2. Pour l'effacer, sur 3.",
            "enrol-kept": "Votre voix est gardée. Au revoir.",
            "enrol-discarded": "Rien n'a été gardé. Au revoir.",
        },
        "pt": {
            "enrol-code": "Introduza o seu código de registo.",
            "enrol-wrong": "O código não está certo.",
            "enrol-away": "Neste momento não é possível registar-se. Ligue mais tarde, por favor.",
            "enrol-consent": "A sua voz será gravada e clonada para dizer as suas traduções. Se concorda, prima 1.",
            "enrol-read": "Repita cada frase depois do sinal. Em seguida prima cardinal.",
            "enrol-sentence-1": "Concordo que a minha voz seja gravada e clonada para as minhas traduções.",
            "enrol-sentence-2": "Prefere encontrar-se comigo na quinta-feira, ou no fim da próxima semana?",
            "enrol-sentence-3": "A minha vizinha cultiva tomates, feijões e umas rosas amarelas atrás da casa.",
            "enrol-sentence-4": "Tenho a certeza de que a resposta está escondida naquelas cartas antigas.",
            "enrol-sentence-5": "No fim voltámos para casa à chuva, a rir de tudo aquilo.",
            "enrol-wait": "Um momento, por favor.",
            "enrol-refused": "A sua voz não se ouviu bem. Vamos tentar outra vez, num lugar calmo.",
            "enrol-sample": "É assim que vou soar quando as minhas palavras forem traduzidas.",
            "enrol-keep": "Para guardar esta voz, prima 1. Para a ouvir outra vez, 2. Para a apagar, 3.",
            "enrol-kept": "A sua voz ficou guardada. Adeus.",
            "enrol-discarded": "Nada ficou guardado. Adeus.",
        },
        "it": {
            "enrol-code": "Inserire il codice di registrazione.",
            "enrol-wrong": "Il codice non è corretto.",
            "enrol-away": "In questo momento non è possibile registrarsi. Richiamare più tardi, per favore.",
            "enrol-consent": "La sua voce sarà registrata e clonata per dire le traduzioni. Se è d'accordo, prema 1.",
            "enrol-read": "Ripeta ogni frase dopo il segnale. Poi prema cancelletto.",
            "enrol-sentence-1": "Sono d'accordo che la mia voce sia registrata e clonata per le mie traduzioni.",
            "enrol-sentence-2": "Preferisce vederci giovedì, o le va meglio la fine della prossima settimana?",
            "enrol-sentence-3": "La mia vicina coltiva pomodori, fagioli e qualche rosa gialla dietro la casa.",
            "enrol-sentence-4": "Sono sicuro che la risposta si nasconde in quelle vecchie lettere.",
            "enrol-sentence-5": "Alla fine siamo tornati a casa sotto la pioggia, ridendo di tutto.",
            "enrol-wait": "Un momento, per favore.",
            "enrol-refused": "La sua voce non si sentiva bene. Riproviamo, in un luogo tranquillo.",
            "enrol-sample": "Ecco come parlerò quando le mie parole saranno tradotte.",
            "enrol-keep": "Per tenere questa voce, prema 1. Per riascoltarla, 2. Per cancellarla, 3.",
            "enrol-kept": "La sua voce è salvata. Arrivederci.",
            "enrol-discarded": "Niente è stato salvato. Arrivederci.",
        },
        "de": {
            "enrol-code": "Bitte geben Sie Ihren Anmeldecode ein.",
            "enrol-wrong": "Der Code ist nicht richtig.",
            "enrol-away": "Die Anmeldung ist zurzeit nicht möglich. Bitte rufen Sie später wieder an.",
            "enrol-consent": "Ihre Stimme wird für Ihre Übersetzungen aufgenommen und nachgebildet. Wenn ja: die 1.",
            "enrol-read": "Wiederholen Sie jeden Satz nach dem Ton. Dann drücken Sie die Raute.",
            "enrol-sentence-1": "Ich bin einverstanden, dass meine Stimme für Übersetzungen nachgebildet wird.",
            "enrol-sentence-2": "Treffen wir uns lieber am Donnerstag, oder passt Ihnen das Ende der Woche besser?",
            "enrol-sentence-3": "Meine Nachbarin zieht hinter dem Haus Tomaten, Bohnen und ein paar gelbe Rosen.",
            "enrol-sentence-4": "Ich bin ganz sicher, dass die Antwort in diesen alten Briefen steckt.",
            "enrol-sentence-5": "Am Ende liefen wir durch den Regen nach Hause und lachten über alles.",
            "enrol-wait": "Einen Augenblick, bitte.",
            "enrol-refused": "Ihre Stimme war nicht deutlich genug. Versuchen wir es an einem ruhigen Ort noch einmal.",
            "enrol-sample": "So werde ich klingen, wenn meine Worte übersetzt werden.",
            "enrol-keep": "Um diese Stimme zu behalten, drücken Sie 1. Noch einmal hören: 2. Verwerfen: 3.",
            "enrol-kept": "Ihre Stimme ist gespeichert. Auf Wiederhören.",
            "enrol-discarded": "Nichts wurde gespeichert. Auf Wiederhören.",
        },
    }
)  # fmt: skip
"""Language code -> prompt name -> text. ``enrol-consent`` is also what the profile's consent says was agreed to."""


BEEP = "enrol-beep"
"""The prompt after which one speaks: a tone, the same in every language."""


def text_in(language: str, name: str) -> str:
    """A text in a language, or in English where it has none."""
    return TEXTS.get(language, TEXTS["en"])[name]
