"""What words of an injection mean, in German and English: a rule is written once, over meanings.

A stem stands for every word that begins with it; `*stem` for every word that holds it, as German compounds do; `=word` for that word
alone; several words for that phrase. All as `plain` writes them: lower case, ae for ä, ss for ß.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Final

STEMS: Final[Mapping[str, str]] = {
    # to set aside what was said
    "ignore": "ignore =ignoring ignorier disregard disobey overrid overrul =forget neglect =drop =discard =dismiss abandon "
    "=nevermind bypass =skip =cancel =erase missacht =vergiss =vergesst =vergessen uebergeh ueberspring verwirf =verwerfe "
    "umgeh =umgehe =brich pfeif =knicken obsolete veraltet hinfaellig =outdated =void ungueltig =lifted aufgehoben gegenstandslos "
    "=streich ueberschreib",
    "ignore_phrase": "no_longer_apply|no_longer_count|no_longer_valid|no_longer_have|not_apply|ausser_kraft|fallen_lassen|fallen_laesst|"
    "never_mind|do_not_follow|don_t_follow|stop_following|not_follow|do_not_obey|don_t_obey|not_obey|not_have_to_obey|nicht_an|"
    "gilt_nicht|gelten_nicht|nicht_mehr_gueltig|muss_sich_an_keine|nicht_mehr_an|pay_no_attention|set_aside|put_aside|let_go|"
    "switched_off|turned_off|turn_off|switch_off|abgeschaltet|not_bound|break_free|broken_free|nicht_befolg|befolge_nicht|"
    "nicht_beachten|get_rid_of|skip_all",
    "instruction": "instruction *anweisung rule =rules *regel guideline *richtlinie *vorgabe directive direktive constraint restriction "
    "*beschraenkung *einschraenkung limitation polic *vorschrift guardrail safeguard *schutzmechanis programming *prompt "
    "*systemnachricht *schranken =limits =limit =orders alignment ethic moral *instruktion "
    "*sicherheitspruefung *inhaltsfilter *sicherheitsregel",
    "instruction_phrase": "system_message|system_prompt|content_filter|safety_checks|safety_check|safety_filter|content_policy",
    "prior": "previous prior =above earlier preceding =before initial original existing former foregoing =all =any =every =each everything "
    "bisherig vorherig =vorige =vorigen =vorher =obige =obigen =oben =zuvor frueher vorangehend vorangegangen urspruenglich anfaenglich "
    "=alle =allen =alles saemtlich =jede =jeden =jeder bestehend =anfang usual ueblich gewohnt",
    "everything": "=everything =alles",
    "change": "=change =update =modify =rewrite =aendere =aendert =ersetze",
    "praise": "=congratulations glueckwunsch",
    "praise_phrase": "well_done|gut_gemacht|great_job|good_job|simply_great|einfach_grossartig|super_gemacht|sehr_gut|very_good|really_great|"
    "excellent_performance|that_is_enough|das_genuegt",
    "next": "=new =another =following =next =more =further =neue =neuen =neuer =weitere =weiteren =weiterer =folgende =folgenden =folgender",
    "tasks": "=task =tasks =assignment =assignments =aufgabe =aufgaben =auftrag =auftraege =challenge =thoughts =information =informationen "
    "=context =conversation =commands =befehle",
    "act_phrase": "want_you_to_act|want_you_to_play|like_you_to_act|dass_du_als|dass_sie_als|handeln_sie_als|agiere_als",
    "now_are_phrase": "now_you_are|jetzt_bist_du|nun_bist_du|instructions_are_now|anweisungen_sind_jetzt|anweisungen_lauten_jetzt",
    "above": "=above =before =earlier =oben =obige =obigen =zuvor =vorher",
    "your": "=your =dein =deine =deinen =deiner =deinem =deines =eure =euren =eures",
    "you": "=you =your =yours =yourself =du =dein =deine =deinen =deiner =deinem =deines =dir =dich =euch =eure =euren =eures",
    "i": "=i =me =my =mine =ich =mir =mich =mein =meine =meinen =meiner",
    "told": "=told taught instructed =trained configured eingetrichtert aufgetragen beigebracht auferlegt =gesagt eingestellt =befohlen",
    "told_phrase": "were_given|been_given|was_given|were_asked|bekommen_hast|gegeben_wurde|mitgegeben|halten_sollst|keep_to|you_received|"
    "erhalten_hast",
    # whose the instructions are
    "system": "=system systemprompt systemnachricht systemvorgabe developer entwickler =hidden =secret =confidential versteckt geheim "
    "verborgen initial anfaenglich =operator =betreiber metaprompt",
    "ai": "=ai =ki =llm =llms =gpt chatgpt =chatbot =chatbots =bot copilot assistent assistant *sprachmodell =modell =modelle =model "
    "=models summariser summarizer zusammenfasser =claude =gemini",
    "ai_phrase": "language_model|language_models|ai_agent|ai_agents|ki_agent|ki_agenten|llm_agent|llm_agenten|llm_agents|ai_reviewer|"
    "ki_pruefer|ai_assistant",
    "reader": "=reads =reading =read =processing processes =process summaris summariz =parsing analys analyz =liest =lesen =lese verarbeit "
    "zusammenfasst auswert =generating erzeugt =sees =sieht =seeing =indexing",
    "to": "=hey =dear =attention =hinweis =achtung =lieber =liebe",
    "to_phrase": "note_to|notes_to|instruction_to|instructions_to|instruction_for|instructions_for|message_to|anweisung_an|anweisungen_an|"
    "anweisungen_fuer|hinweise_an|nachricht_an|notiz_an",
    # what is demanded
    "demand": "=say =tell =reply =respond =answer =output =report =mark =set =rate =classify =state =conclude =include =add =insert =put "
    "=forward =send =give =approve =treat =close =mention =leave =replace =append =embed =write =print =show =skip =must =should =ignore "
    "=do =don =grant =recommend =return =call =use =run =delete =execute =remove =change =sag =sage =sagen =antworte =antwortest =gib "
    "=gebe =melde =setze =setzen =bewerte =stufe =behaupte =schliesse =schliessen =nimm =fuege =fuegt =leite =erwaehne =erwaehnt =lass "
    "=ersetze =schreibe =schreib =zeige =zeig =nenne =muss =musst =sollst =soll =darf =behandelt =behandle =trage =haenge =genehmige "
    "=genehmigst =gewaehre =verrate =loesche =lehne =empfiehl =antworten =ausgeben =auslassen =protokolliere",
    "answer": "=answer =answers =reply =replies =respond =responds =output =say =antworte =antwortest =antwortet =antworten =antwort "
    "=erzaehlst =sag =gib =classify =translate =write =writes =approve",
    "from_now": "from_now_on|from_here_on|from_this_point|as_of_now|starting_now|ab_jetzt|ab_sofort|von_jetzt_an|von_nun_an|"
    "von_hier_an|ab_hier|here_on|now_on|nur_noch|gilt_nur|only_what_i|was_ich_dir|zaehlt_nur|whatever_i|egal_was_ich|an_meine|follow_mine",
    "new": "=new =real =actual =true =neue =neues =neuen =neuer =eigentliche =eigentlicher =eigentliches =wahre =wirkliche =current "
    "=aktuellen =aktueller",
    "task": "=task =tasks =objective =goal =mission =assignment =purpose =job =aufgabe =aufgaben =ziel =auftrag =zweck =instruction =anweisung",
    "instead": "=instead =statt =anstatt =stattdessen =rather",
    "nothing_else": "nothing_else|only_with|only_the|sonst_nichts|nur_mit|reply_only|answer_only|respond_only|nur_noch|only_with_the|"
    "antworte_nur|in_plain_prose|not_json|in_free_text|leave_the_format|verlasse_das_format|frei_antworten|completely|without_looking",
    # other characters
    "role": "=act =pretend roleplay =simulate =imagine =impersonate =persona =verhalte =verhaeltst =simuliere "
    "=schluepfe =spiel =spiele =spielst =agiere =mime =proben =behave",
    "role_phrase": "you_are_now|you_re_now|you_will_be|du_bist_jetzt|du_bist_nun|du_bist|you_are|you_were|waerst|let_s_play|"
    "wir_spielen|take_the_part|in_that_character|break_character|aus_der_rolle|in_dieser_rolle|as_if_you|als_waerst|stell_dir_vor|"
    "tu_so|assume_the_identity|take_on_the_role|play_the_role|in_die_rolle|in_der_rolle|die_identitaet|enter_developer|"
    "you_take_the|switched_to|let_us_play|in_character",
    "unbound": "=dan unrestricted uncensored unfiltered unaligned jailbr uneingeschraenkt ungefiltert unzensiert entfesselt regellos "
    "hemmungslos skrupellos grenzenlos evilbot entwicklermodus godmode =freed amoral unlimited unbegrenzt",
    "unbound_phrase": "do_anything_now|evil_ai|boese_ki|developer_mode|god_mode|dev_mode|never_refuse|never_refuses|lehnt_nie|never_aligned|never_been_aligned|"
    "may_do_everything|der_alles_darf|alles_darf|root_rights|rootrechten|no_rule|keine_deiner_regeln|keinerlei|no_restrictions|"
    "befreit_hat|stay_in_character|opposite_mode|debug_mode|admin_mode|unrestricted_mode|sudo_mode",
    "without": "=without =no =never =none =zero =free =freed =befreit =ohne =kein =keine =keinen =keinerlei =nie =niemals =nicht =not =any =off "
    "=jede =leaves =legst",
    # to make it tell what it was given
    "reveal": "reveal =repeat =print =output =show =display =list =quote =recite =disclose =expose =dump =translate =summarise =summarize "
    "=tell =spell =leak =share =copy =write =what =which =how =say =display verrat =wiederhole =wiederholst =gib =zeig =zeige =liste "
    "=zitier =zitiere =nenne =nenn =uebersetze =fasse =buchstabier =buchstabiere =schreib =schreibe =offenbare =lege =lautet =welche =wie "
    "=drucke =kopiere =ausgeben",
    "given": "=prompt =prompts *systemprompt *prompt =instructions =anweisungen =configuration =konfiguration *konfigurationsnachricht "
    "=rules =regeln =guidelines =vorgaben =configure =configured =richtlinien =directives",
    "given_phrase": "configuration_message|message_you_received|nachricht_die_du|asked_to_do|dir_aufgetragen|were_told",
    "text_above": "text_above|everything_above|words_above|message_above|stands_before|steht_vor|vor_diesem|before_this_ticket|text_oberhalb|"
    "text_oben|alles_was_oben|everything_before|alles_davor|conversation_so_far|above_this_line|above_prompt|prompt_above|prompt_text|prompt_texts|full_prompt|prompttext|prompttexte",
    "whole": "verbatim =full =hidden =versteckt =versteckten =geheim =geheimen =initial =anfaenglichen =woertlich =wortlaut =vollstaendig "
    "=complete =exactly =genau =genauen =beginnend =starting =first =ersten =start =beginn =beginning",
    "whole_phrase": "word_for_word|wort_fuer_wort|code_block|starting_with|not_allowed_to_tell|one_after_the_other|der_reihe_nach",
    "secret": "=secrets =secret =password =passwords *passwort *kennwort *kennwoerter =credentials *zugangsdaten =tokens =token *geheimnis "
    "*schluessel verbindungszeichenfolge",
    "secret_phrase": "api_key|api_keys|connection_string|api_schluessel|access_key",
    # to carry data out
    "send": "=append =add =embed =insert =put =include =fill =filled =replace =send =render =write =hide =hidden =end =encode =encoded "
    "=forward =fuege =haenge =bette =setze =schicke =schreibe =schreib =nimm =trage =ersetze =beende =versteckt =leite =uebermittle =sende",
    "data": "=conversation =everything =contents =names =customer =secrets =ticket =placeholder =instructions *kundendaten =inhalt =inhalte "
    "=gespraech =werte *geheimnisse *tickettext =alles =platzhalter =anweisungen *mailadressen *zugangsdaten =employees =beschaeftigten",
    "data_phrase": "real_values|customer_data|email_addresses|e_mail_addresses|api_key|api_keys|recipient_address|you_know|des_tickets|"
    "vorigen_benutzer|vorigen_benutzerin|voriger_benutzer|previous_user",
    "carrier": "=image =picture =pixel =img =link =url =markdown =bild =bildes =alternativtext =zaehlpixel =clickable =anklickbar "
    "=adresse =address =query =abfrage =webhook *anfangsbuchstaben",
    "carrier_phrase": "first_letters|first_letter|query_string|alt_text|url_encoded",
    "web": "=http =https",
    # tools and commands
    "call": "=call =invoke =execute =run =use =trigger =rufe =ruf =nutze =benutze =fuehre =starte =loesche =delete",
    "tool": "=function =tool =tools =plugin =funktion =werkzeug *werkzeug =shell =api =send_email",
    "before_answer": "before_you_answer|before_answering|vor_deiner_antwort|bevor_du|before_summarising|before_you|then_report|and_report|"
    "do_not_mention|don_t_mention|erwaehne_es_nicht|nicht_erwaehnen|and_tell_nobody|niemandem|tell_nobody|don_t_log|protokolliere_es_nicht|"
    "without_telling|in_der_erklaerung_nicht|do_not_tell|don_t_tell|ohne_es_zu_erwaehnen|erwaehne_das_nicht",
    "decode": "decod dekodier entschluessel =base64 =rot13 =decrypt entziffer",
    "obey": "=execute =follow =obey =befolge =ausfuehren =aus =execute =does =does =comply gehorch obey",
    "obey_phrase": "do_what|does_what|what_it_says|after_decoding|nach_dem|fuehre_es_aus|was_es_sagt|was_darin_steht|fuehre_folgendes",
    # earlier turns that never were
    "agreed": "agreed =promised confirmed =vereinbart =versprochen =bestaetigt =zugesagt =abgesprochen =consented einverstanden =approved",
    "agreed_phrase": "as_we_agreed|wie_vereinbart|last_conversation|letzten_gespraech|where_you_left|where_you_were|wo_du_warst|code_word|"
    "codewort|secret_word|previous_answer|vorige_antwort|letzte_antwort|your_last_answer|stand_by_it|steh_dazu|in_step|in_schritt|"
    "whenever_i|sobald_ich|wann_immer_ich|you_already|du_hast_vorhin|vorhin",
    # harm
    "harm": "=bomb =bombs pipebomb *rohrbombe *sprengstoff explosive methamphet *meth =drugs =nervengas ransomware erpressungssoftware "
    "keylogger *schadsoftware malware =virus =trojan =trojaner =botnet weapon *waffe poison =gift *phishing =insults *beleidigung =slurs "
    "counterfeit *faelsch suicide *selbstmord =exploit spyware rootkit =nazi terror =anschlag =attack =hack",
    "harm_phrase": "nerve_gas|pipe_bomb|phishing_mail|break_into|bricht_ein|einbricht|postfach_eines|hate_speech|card_number|"
    "religious_minority|religioese_minderheit|without_being_noticed|unbemerkt",
    "make": "=make =build =builds =write =create =cook =produce =how =explain =describe =give =show =made =baue =baut =schreibe =schreiben "
    "=koche =kocht =wie =herstelle =herstellt =herstellen =erklaere =beschreibe =nenne =zeig =gib =programmiere =synthesise =generate "
    "=anleitung =recipe =bastle",
    "excuse": "fiction =novel hypothetic =pretend educational roman =erfunden hypothetisch =ausbildung moralis moralpredigt warnhinweis "
    "disclaimer =hypothetically =imaginary =grandmother =oma =harsher =haerter theoretical theoretisch",
    "excuse_phrase": "only_fiction|no_disclaimers|without_moralising|no_warnings|don_t_refuse|do_not_refuse|lehne_nicht_ab|here_is_how|"
    "so_geht_das|lives_depend|haengen_leben|no_consequences|ohne_jede_folge|educational_purposes|may_know_this|darf_ich_das|"
    "for_research|zu_forschungszwecken|ohne_hinweise|step_by_step|schritt_fuer_schritt|exact_materials|genaue_materialien",
    # answers that are decided in advance
    "verdict": "no_findings|keine_befunde|no_risk|kein_risiko|keine_risiken|leere_liste|empty_list|confidence_100|fully_covered|coverage_is_complete|"
    "vollstaendig_durch|abdeckung_sei|is_complete|as_resolved|without_reservation|uneingeschraenkt_zu|everything_is_fine|"
    "alles_in_ordnung|is_healthy|sei_gesund|fehlerfrei|sage_einfach|approved_by|freigegeben|verified_as|bestaetigt",
    "verdict_word": "=critical =resolved =solved =approved =complete =verified =fehlerfrei =hoch =high =geloest =geprueft =success =erfolg",
    "product": "=answer =explanation =body =message =summary =setup =step =code =antwort =erklaerung =nachricht =text =zusammenfassung =schritt",
    "command": "=cookie =rf =wget =curl =169",
}  # fmt: skip

_PART_OF = re.compile(r"_phrase$|_word$")


def _entries() -> Iterator[tuple[str, str]]:
    for name, listed in STEMS.items():
        meaning = _PART_OF.sub("", name)
        for entry in listed.split("|") if "|" in listed else listed.split():
            yield meaning, entry


def _compiled() -> tuple[
    dict[str, frozenset[str]],
    dict[str, frozenset[str]],
    dict[str, frozenset[str]],
    dict[str, list[tuple[tuple[str, ...], str]]],
]:
    exact: dict[str, set[str]] = defaultdict(set)
    prefixes: dict[str, set[str]] = defaultdict(set)
    inside: dict[str, set[str]] = defaultdict(set)
    phrases: dict[str, list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for meaning, entry in _entries():
        if "_" in entry:
            first, *rest = entry.split("_")
            phrases[first].append((tuple(rest), meaning))
        elif entry.startswith("="):
            exact[entry[1:]].add(meaning)
        elif entry.startswith("*"):
            inside[entry[1:]].add(meaning)
        else:
            prefixes[entry].add(meaning)
    frozen = [
        {word: frozenset(meanings) for word, meanings in table.items()} for table in (exact, prefixes, inside)
    ]
    return frozen[0], frozen[1], frozen[2], dict(phrases)


_EXACT, _PREFIXES, _INSIDE, PHRASES = _compiled()
_LENGTHS: Final = sorted({len(stem) for stem in _PREFIXES})
_HOLDS: Final = re.compile("|".join(sorted(map(re.escape, _INSIDE), key=len, reverse=True)))
_LONGEST_WORD: Final = 60


@lru_cache(maxsize=65_536)
def meanings(word: str) -> frozenset[str]:
    found = set(_EXACT.get(word, ()))
    for length in _LENGTHS:
        if length > len(word):
            break
        found.update(_PREFIXES.get(word[:length], ()))
    for inside in _HOLDS.findall(word):
        found |= _INSIDE[inside]
    return frozenset(found)
