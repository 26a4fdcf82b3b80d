"""What a caller hears who is not let in, per language; spoken into files like the other prompts.

``refused-full``: his room is full. ``refused-busy``: so are all of them, or no more rooms are taken on.
``refused-drain``: the daemon is on its way out. ``refused-spent``: the room may spend no more on engines today.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

TEXTS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "en": {
            "refused-full": "This room is full. Goodbye.",
            "refused-busy": "All rooms are taken just now. Please call again later. Goodbye.",
            "refused-drain": "No new meeting can begin just now. Please call again in a few minutes. Goodbye.",
            "refused-spent": "There is no more interpretation in this room today. Goodbye.",
        },
        "es": {
            "refused-full": "Esta sala está llena. Adiós.",
            "refused-busy": "En este momento todas las salas están ocupadas. Llame más tarde, por favor. Adiós.",
            "refused-drain": "Ahora no puede empezar ninguna reunión. Llame dentro de unos minutos, por favor. Adiós.",
            "refused-spent": "Hoy ya no hay más interpretación en esta sala. Adiós.",
        },
        "ca": {
            "refused-full": "Aquesta sala és plena. Adéu.",
            "refused-busy": "En aquest moment totes les sales estan ocupades. Truqueu més tard, si us plau. Adéu.",
            "refused-drain": "Ara no pot començar cap reunió. Truqueu d'aquí a uns minuts, si us plau. Adéu.",
            "refused-spent": "Avui ja no hi ha més interpretació en aquesta sala. Adéu.",
        },
        "fr": {
            "refused-full": "Cette salle est pleine. Au revoir.",
            "refused-busy": "Toutes les salles sont prises. Rappelez plus tard, s'il vous plaît. Au revoir.",
            "refused-drain": "Aucune réunion ne peut commencer maintenant. Rappelez dans quelques minutes. Au revoir.",
            "refused-spent": "Il n'y a plus d'interprétation dans cette salle aujourd'hui. Au revoir.",
        },
        "pt": {
            "refused-full": "Esta sala está cheia. Adeus.",
            "refused-busy": "Neste momento todas as salas estão ocupadas. Ligue mais tarde, por favor. Adeus.",
            "refused-drain": "Agora não pode começar nenhuma reunião. Ligue daqui a alguns minutos, por favor. Adeus.",
            "refused-spent": "Hoje já não há mais interpretação nesta sala. Adeus.",
        },
        "it": {
            "refused-full": "Questa sala è piena. Arrivederci.",
            "refused-busy": "Tutte le sale sono occupate. Richiamare più tardi, per favore. Arrivederci.",
            "refused-drain": "Ora non può iniziare nessuna riunione. Richiamare tra qualche minuto. Arrivederci.",
            "refused-spent": "Oggi in questa sala non c'è più interpretazione. Arrivederci.",
        },
        "de": {
            "refused-full": "Dieser Raum ist voll. Auf Wiederhören.",
            "refused-busy": "Zurzeit sind alle Räume belegt. Bitte rufen Sie später wieder an. Auf Wiederhören.",
            "refused-drain": "Gerade kann kein Treffen beginnen. Bitte rufen Sie später wieder an. Auf Wiederhören.",
            "refused-spent": "In diesem Raum wird heute nicht mehr gedolmetscht. Auf Wiederhören.",
        },
    }
)
"""Language code -> prompt name -> text."""
