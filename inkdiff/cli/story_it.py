"""The words of the tour in Italian; see `inkdiff.cli.story`."""

from inkdiff.cli.chapter import Chapter, Frame

__all__ = ["CHAPTERS", "FRAME"]

CHAPTERS = {
    "random_walk": Chapter(
        "Le molecole si urtano",
        (
            "Una particella d'inchiostro nell'acqua è urtata dalle molecole da ogni lato, a caso. Barcolla:"
            " un passo di qua, un passo di là, senza memoria e senza meta. È il moto browniano, o "
            "passeggiata aleatoria.",
            "Nessun singolo cammino si può prevedere, ma la folla sì. In media le particelle non vanno da "
            "nessuna parte, e il quadrato della loro distanza dall'inizio cresce come il tempo: per "
            "arrivare due volte più lontano ci vuole quattro volte tanto. I punti sono misure, la linea è "
            "la legge di Einstein del 1905.",
        ),
    ),
    "ink_drop": Chapter(
        "Una goccia d'inchiostro cade nell'acqua",
        (
            "All'inizio tutto l'inchiostro è nella goccia e altrove non ce n'è: uno stato compatto, raro, "
            "ordinato, lontano dall'equilibrio. Poi ogni particella non fa che barcollare; eppure, visto da"
            " lontano, accade qualcosa di ordinato: l'inchiostro va da dove ce n'è molto a dove ce n'è "
            "poco, tanto più in fretta quanto più ripida è la concentrazione. Nessuno glielo dice.",
            "L'entropia misura quanto le cose sono mescolate. Cresce finché il colore è lo stesso "
            "dappertutto, e lì resta. La ragione è un conteggio: poche disposizioni delle particelle sono "
            "compatte, moltissime sono sparse. Ovunque la goccia sia caduta e qualunque forma avesse, la "
            "fine è lo stesso colore uniforme, e guardando l'acqua colorata nessuno può dire come è "
            "cominciata.",
        ),
        "Che la goccia non torni mai non è proibito: è solo così improbabile che nessuno lo vedrà mai. Con "
        "N particelle la probabilità di trovarle tutte in una parte V0 del bicchiere V è (V0/V) elevato a "
        "N. E un bicchiere vero si mescola soprattutto per le correnti dell'acqua; con la sola diffusione, "
        "cinque centimetri richiedono settimane.",
    ),
    "counting": Chapter(
        "Perché non torna: contare",
        (
            "Nulla vieta il ritorno. Ogni particella va a destra o a sinistra con la stessa probabilità, e con "
            "poche lo si vede accadere: due molecole si ritrovano in una metà ogni quattro sguardi, dieci una "
            "volta su mille. La probabilità è (V0/V) elevato a N, ed è l'esponente che decide.",
            "Contiamo i modi di disporre le molecole: una goccia compatta ne ha pochi, una sparsa moltissimi. "
            "Il logaritmo di quel numero è l'entropia di Boltzmann. L'entropia cresce perché i modi di essere "
            "mescolati sono di più, e per nessun'altra ragione.",
        ),
        "Vietato e improbabile sono due cose diverse. Ma con le molecole di una goccia vera il tempo d'attesa è un "
        "numero le cui sole cifre riempirebbero una strada fra i pianeti.",
    ),
    "many_starts": Chapter(
        "Una sola fine per ogni inizio",
        (
            "Lasciamo cadere gocce in punti diversi, una tonda, una striscia, un anello, una cifra. Dopo un "
            "po' tutti i bicchieri sono uguali. Ciò che l'inchiostro sa ancora del suo inizio si misura in "
            "informazione, e svanisce con un ritmo dettato dalla grandezza del bicchiere.",
            "Al rovescio è un lavoro da investigatore: dalle particelle viste ora, dov'è caduta la goccia? "
            "All'inizio la risposta è un punto, poi una regione, infine tutto il bicchiere.",
        ),
        "Lo stato finale non cancella tutto: conoscendo ogni singolo urto si potrebbe tornare indietro. È perduto "
        "per chi vede soltanto dov'è l'inchiostro.",
    ),
    "image_noising": Chapter(
        "Un'immagine si dissolve",
        (
            "Prendiamo ora una cifra scritta a mano. Immagine più un po' di rumore dà un'immagine un po' "
            "più rumorosa; ancora un po' di rumore, e ancora: t = 1, 2, ..., 1000. Alla fine ogni struttura"
            " visibile è distrutta. Questo processo in avanti è noto esattamente. Non c'è nulla da "
            "imparare: è il gemello della goccia che si spande.",
            "Ogni pixel si comporta come una particella d'inchiostro su una linea dal nero al bianco. Fra "
            "le due pareti, nero e bianco, finisce ovunque con uguale probabilità: rumore bianco, pixel di "
            "grigio casuale.",
        ),
        "Il rumore bianco non è un'immagine grigia: ogni pixel è casuale, nessuno è medio. E il processo "
        "più usato in pratica non ha pareti; i suoi pixel finiscono con una distribuzione a campana "
        "(gaussiana) invece che uniforme. Qui si vedono entrambi.",
    ),
    "one_kernel": Chapter(
        "È un solo processo",
        (
            "Qui inchiostro e immagini sono mossi dalla stessa identica riga di codice, con gli stessi "
            "numeri casuali, e rispondono alle stesse domande: quanto sei mescolato, quanto sei lontano "
            "dalla fine, quanto ricordi ancora del tuo inizio? Le curve rispondono insieme.",
            "Un'immagine è una particella in uno spazio con un asse per ogni pixel; vista al contrario, "
            "ogni pixel è una particella d'inchiostro. Partendo dagli stessi numeri, le due danno lo stesso"
            " risultato fino all'ultimo bit.",
        ),
    ),
    "three_backwards": Chapter(
        "Tre modi di andare all'indietro",
        (
            "Che cosa vuol dire disfare il mescolamento? Primo: lo stesso film al contrario, ogni urto tolto di "
            "nuovo. Ogni particella torna a casa, fino all'ultimo bit. Secondo: aspettare, con urti nuovi. "
            "Non torna nulla. Terzo: urti nuovi, e una spinta verso dove l'inchiostro era più denso. La goccia "
            "ritorna, ma guardate i colori: nessuna particella ricorda il suo posto.",
            "Un generatore di immagini segue la terza via. Non recupera un'immagine perduta: ne fa una di quel genere.",
        ),
        "Il paragone abituale confonde la prima con la terza. Un cammino si può ripercorrere solo se qualcuno ha "
        "conservato, o sa rifare, tutto il suo rumore.",
    ),
    "unmix": Chapter(
        "L'inchiostro ritorna",
        (
            "Filmate la goccia che si spande e proiettate il film al contrario: la goccia ritorna, certo. "
            "Ma è solo una registrazione. Se invece le particelle continuano a barcollare con casualità "
            "nuova, restano mescolate per sempre.",
            "C'è una terza via. In ogni istante e in ogni luogo si può dire in quale direzione l'inchiostro"
            " era più denso: questa freccia si chiama score. Lasciamo che ogni particella barcolli a caso, "
            "ma diamole una spinta lungo la freccia, mentre l'orologio va all'indietro. La goccia si "
            "ricompone, anche se nessuna particella torna da dove era venuta. Per l'inchiostro in un "
            "bicchiere lo score si calcola esattamente, e l'entropia guadagnata viene disfatta.",
        ),
        "Quello che ritorna è la distribuzione, non gli individui. Nessuna legge di natura è violata: "
        "l'acqua non conosce le frecce. Deve metterle qualcuno che le conosce, e questa conoscenza è il "
        "prezzo da pagare.",
    ),
    "people": Chapter(
        "Per disegnare persone bisogna sapere come sono fatte",
        (
            "Ogni persona è un punto in uno spazio di caratteristiche: tanto alta, tanto pesante, quel numero di "
            "scarpe, quell'età. Dove ci sono molte persone i punti sono fitti, e dove non c'è nessuno non ce ne sono: "
            "nessuno è alto due metri e pesa trenta chili. Aggiungete le ali, e lo spazio guadagna un asse su cui "
            "tutti stanno a zero.",
            "Una rete ha imparato dagli esempi questa distribuzione di probabilità. Vicino al picco un corpo è "
            "comune, nelle code è strano, e se ne possono estrarre persone nuove. Quanto è plausibile un dato corpo? "
            "Quanto la frazione di persone ancora più improbabili.",
        ),
        "Le persone sono fatte da misure pubblicate, così la distribuzione vera è nota e quella imparata le si può "
        "mettere accanto. Le ali misurano zero, un centimetro più o meno, perché ogni misura sbaglia; senza questo "
        "nessuno potrebbe dire quanto sono fitti i punti.",
    ),
    "gan_duel": Chapter(
        "Il falsario e il detective",
        (
            "Le prime macchine a disegnare immagini convincenti erano duelli. Un falsario disegna, un detective dice "
            "vero o falso, e ognuno impara dall'altro, finché al detective non resta che tirare una moneta.",
            "Accanto al duello sta un modello di diffusione della stessa dimensione e durata di addestramento. Il "
            "duello dimentica alcuni dei luoghi dove stanno i punti; la diffusione li trova tutti e sa dire quanto è "
            "probabile un punto. Il falsario disegna in un passo ciò per cui la diffusione ne fa centinaia.",
        ),
        "Un detective ingannato non significa un falsario perfetto: forse era un cattivo detective. Perciò dopo se ne "
        "addestra uno nuovo, che il falsario non ha mai incontrato.",
    ),
    "generate_2d": Chapter(
        "Imparare le frecce",
        (
            "Per le immagini nessuno sa calcolare lo score; va imparato dagli esempi. A una piccola rete si"
            " mostrano punti spostati dal rumore, e le si chiede da dove venivano. Ciò che impara così è lo"
            " score, e con esso la distribuzione di probabilità degli esempi: dove i punti sono comuni, "
            "rari o assenti.",
            "In due dimensioni le frecce imparate si possono mettere accanto a quelle esatte, e i punti nuovi accanto "
            "a quelli veri.",
        ),
    ),
    "generate_digits": Chapter(
        "Cifre dal rumore",
        (
            "Un'immagine di 8 per 8 pixel è un punto in uno spazio a 64 dimensioni, e le cifre scritte a "
            "mano ne riempiono solo una parte minuscola. Una piccola rete è stata appena addestrata, mentre"
            " aspettavate, su circa 1250 cifre vere. Parte dal puro rumore e, passo dopo passo, si toglie "
            "il rumore che crede di vedere, finché appare una cifra.",
            "Nessuno ha disegnato queste cifre. Sono giudicate accanto a cifre vere che la rete non ha mai "
            "visto: sono altrettanto varie, un classificatore vi trova tutte e dieci le cifre, sono nuove e"
            " non copie di quelle dell'addestramento?",
        ),
        "La goccia e le cifre sono la stessa fisica, con una differenza: le frecce della goccia erano "
        "calcolate, queste sono imparate, e quindi giuste solo quasi. Quanto quasi, lo dicono i numeri.",
    ),
    "labels": Chapter(
        "Cifre a richiesta",
        (
            "Finora la rete disegnava quello che veniva. Ora, mentre impara, le si dice un'etichetta, e per alcune "
            "cifre gliela si nasconde. Impara così due frecce: verso una cifra qualsiasi, e verso quella nominata. La "
            "loro differenza è ciò che il nome aggiunge, e le si può dare un peso.",
            "Con peso zero il nome non si sente. Con peso uno le cifre sono varie come quelle vere della classe, e "
            "oltre diventano più chiare e più simili tra loro. Ogni riga comincia dallo stesso rumore: cambia solo "
            "l'etichetta.",
        ),
    ),
    "prompts": Chapter(
        "Un sette sottile e inclinato, per favore",
        (
            "Un prompt è più etichette insieme. Ogni cifra vera è stata misurata: quanto è spesso il tratto, come "
            "pende, quanto è larga. Da qui viene la sua didascalia, e dalle didascalie la rete impara che cosa fanno "
            "le parole all'inchiostro.",
            "Alcune coppie di parole non le ha mai incontrate insieme mentre imparava. Le disegna lo stesso, perché "
            "ogni parola tira con una freccia sua e le frecce si sommano.",
        ),
        "Conosce diciannove parole, in inglese e in italiano, e non ne capisce nessuna: una parola è una freccia, "
        "niente di più. Ogni altra parola è un errore che dice quali ci sono.",
    ),
    "photo": Chapter(
        "Da una foto",
        (
            "Non si deve per forza partire dal rumore. Prendete una foto o uno schizzo, aggiungete un po' di rumore e "
            "tornate indietro: i dettagli diventano quelli che la gente scrive, e ciò che mostra resta. Con più "
            "rumore diventa più vero e meno simile alla partenza.",
            "Se si dice anche la sua etichetta, resta quella cifra con qualunque rumore; con un'altra, diventa quella.",
        ),
    ),
    "halves": Chapter(
        "Da mezza cifra",
        (
            "Dove metà dell'immagine è cancellata, la metà nota resta al suo posto e l'altra viene disegnata di "
            "conseguenza, ogni volta un'altra: quello che poteva starci, non quello che ci stava.",
            "È brava a indovinare? Le cifre vengono divise in parti, e ogni parte è completata da una rete che ha "
            "imparato dalle altre. Indovina i punti cancellati meglio della cifra più simile che conosce.",
        ),
        "Un'estrazione è una possibilità, non la migliore ipotesi. Chi vuole la migliore prende la media di molte, "
        "che è sfocata, come lo sono le migliori ipotesi.",
    ),
}

FRAME = Frame(
    title="Inchiostro nell'acqua, immagini nel rumore",
    lead="Una goccia d'inchiostro si spande nell'acqua e non torna più. Un'immagine, coperta di rumore "
    "passo dopo passo, si dissolve e, con quello che una rete ha imparato, ritorna. Questa pagina "
    "mostra, con i numeri, che sono un solo processo. Tutto è stato calcolato su questo computer, "
    "proprio adesso.",
    reading="Le figure sono misure su particelle simulate e su vere cifre scritte a mano. Sotto ciascuna "
    "sta una tabella: ciò che è stato misurato accanto a ciò che la teoria richiede, e quanto "
    "distano in unità dell'errore standard (z). Entro 5 la prova è superata.",
    all_passed="Tutte le {total} prove superate.",
    some_failed="{failed} prove su {total} non superate.",
    broken="{broken} parti su {parts} si sono fermate con un errore.",
    crashed="Questa parte si è fermata con un errore:",
    caution="Dove il paragone zoppica",
    checks="{passed} prove superate su {total}",
    columns=("prova", "misura", "atteso", "errore standard", "z", "esito"),
    passed="superata",
    failed="NON superata",
    footer="Fatto da inkdiff {version} in {seconds} s su {machine}. Lo stesso seme dà le stesse figure. Per"
    " ripetere: {command}",
)
