"""The words of the tour in English; see `inkdiff.cli.story`."""

from inkdiff.cli.chapter import Chapter, Frame

__all__ = ["CHAPTERS", "FRAME"]

CHAPTERS = {
    "random_walk": Chapter(
        "Molecules jostle",
        (
            "A particle of ink in water is struck by molecules from all sides, at random. It staggers: a "
            "step this way, a step that way, with no memory and no goal. This is Brownian motion, or a "
            "random walk.",
            "No single path can be predicted, but the crowd can. On average the particles drift nowhere, "
            "and the square of their distance from the start grows in step with time: to get twice as far "
            "takes four times as long. The points are measured, the line is Einstein's law of 1905.",
        ),
    ),
    "ink_drop": Chapter(
        "A drop of ink falls into water",
        (
            "At first all the ink is in the drop and none elsewhere: a compact, rare, orderly state, far "
            "from equilibrium. Each particle then only staggers about, and yet, seen from afar, something "
            "orderly happens: ink moves from where there is much to where there is little. It flows the "
            "faster the steeper the concentration falls. Nobody tells it to.",
            "Entropy measures how mixed things are. It grows until the colour is the same everywhere, and "
            "there it stays. The reason is counting: few arrangements of the particles are compact, and "
            "enormously many are spread out. Wherever the drop fell and whatever its shape, the end is the "
            "same uniform colour, and from coloured water nobody can tell how it began.",
        ),
        "That the drop never comes back is not forbidden, only so improbable that nobody will ever see it: "
        "with N particles the chance of finding all of them in a part V0 of the glass V is (V0/V) to the "
        "power N. And a real glass mixes mostly by currents in the water; by diffusion alone, five "
        "centimetres take weeks.",
    ),
    "counting": Chapter(
        "Why it does not come back: counting",
        (
            "Nothing forbids the return. Each particle is as likely to go left as right, and for a few of "
            "them one sees it happen: two molecules meet in one half every fourth look, ten of them once in a "
            "thousand. The chance is (V0/V) to the power N, and it is the power that decides.",
            "Count the ways in which molecules can be arranged: a compact drop can be had in few, a spread "
            "one in enormously many. The logarithm of that number is Boltzmann's entropy. Entropy grows "
            "because there are more ways of being mixed, for no other reason.",
        ),
        "Forbidden and improbable are two things. But with the molecules of a real drop the waiting time is a "
        "number whose digits alone would fill a road through the planets.",
    ),
    "many_starts": Chapter(
        "One end for every start",
        (
            "Let drops fall in different places, a round one, a stripe, a ring, a digit. After a while all "
            "glasses look alike. What the ink still knows about its start can be counted as information, and "
            "it dies away at a rate that the size of the glass dictates.",
            "Turned round it is detective work: from the particles seen now, where did the drop fall? At "
            "first the answer is a point, later a region, in the end the whole glass.",
        ),
        "The final state is no memory loss of the particles only: with perfect knowledge of every push one "
        "could go back. What is lost is lost to whoever sees only where the ink is.",
    ),
    "image_noising": Chapter(
        "An image dissolves",
        (
            "Now take a handwritten digit. Image plus a little noise gives a slightly noisier image; add a "
            "little noise again, and again: t = 1, 2, ..., 1000. In the end all visible structure is "
            "destroyed. This forward process is known exactly. Nothing has to be learned; it is the twin of"
            " the drop that spreads.",
            "Each pixel behaves like a particle of ink on a line from black to white. Between the two "
            "walls, black and white, it ends anywhere with equal chance: white noise, pixels of random "
            "grey.",
        ),
        "White noise is not a grey picture: every pixel is random, none is average. And the process most "
        "used in practice has no walls; its pixels end bell-shaped (Gaussian) instead of uniform. Both are "
        "shown.",
    ),
    "one_kernel": Chapter(
        "It is one process",
        (
            "Here ink and images are moved by the very same line of code, with the same random numbers, and"
            " asked the same questions: how mixed are you, how far from the end, how much do you still "
            "remember of your beginning? The curves answer together.",
            "An image is one particle in a space with an axis for every pixel; seen the other way, every "
            "pixel is one particle of ink. Fed with the same numbers the two give the same result to the "
            "last bit.",
        ),
    ),
    "three_backwards": Chapter(
        "Three ways of going backwards",
        (
            "What does it mean to undo the mixing? First: run the very same film backwards, every push taken "
            "off again. Every particle comes home, to the last bit. Second: wait, with fresh pushes. Nothing "
            "returns. Third: fresh pushes, and a nudge towards where the ink was denser. The drop returns, but "
            "look at the colours: no particle remembers where it belonged.",
            "An image generator goes the third way. It does not recover a lost picture; it makes one of the kind.",
        ),
        "The usual comparison mixes up the first and the third. A path can be replayed only by somebody who "
        "has kept, or can make again, all its noise.",
    ),
    "unmix": Chapter(
        "The ink comes back",
        (
            "Film the spreading drop and play the film backwards: the drop returns, of course. But that is "
            "only a recording. Let the particles stagger on with fresh randomness instead, and they stay "
            "mixed for ever.",
            "There is a third way. At every moment and place one can say in which direction the ink had "
            "been denser: this arrow is called the score. Let each particle stagger at random, but give it "
            "a nudge along the arrow, while the clock runs backwards. The drop comes together again, "
            "although no particle goes back to where it came from. For ink in a glass the score can be "
            "calculated exactly, and the entropy that had been gained is undone.",
        ),
        "What returns is the distribution, not the individuals. No law of nature is broken: water does not "
        "know the arrows. Somebody who does must put them in, and that knowledge is what has to be paid "
        "for.",
    ),
    "people": Chapter(
        "To draw people one must know what people are like",
        (
            "Every person is a point in a space of features: so tall, so heavy, this shoe size, that age. Where many "
            "people are the points lie dense, and where nobody is there are none: nobody is two metres tall and weighs "
            "thirty kilograms. Add wings, and the space gains an axis on which everybody sits at zero.",
            "A network has learned this probability distribution from examples. Near its peak a body is ordinary, out "
            "in its tails it is strange, and new people can be drawn from it. How plausible is a given body? As "
            "plausible as the share of people who are more improbable still.",
        ),
        "The people are made from published measurements, so that the true distribution is known and the learned one "
        "can be held against it. The wings measure zero give or take a centimetre, since every measurement errs; "
        "without that nobody could say how dense the points lie.",
    ),
    "gan_duel": Chapter(
        "The forger and the detective",
        (
            "The first machines that drew convincing pictures were duels. A forger draws, a detective says real or "
            "forged, and each learns from the other, until the detective can only toss a coin.",
            "Beside the duel stands a diffusion model of the same size and training time. The duel forgets some of the "
            "places where points are; diffusion finds them all and can say how probable a point is. The forger "
            "draws in one step what diffusion walks for hundreds.",
        ),
        "A detective who is fooled need not mean a perfect forger: he may have been a poor detective. So a new one, "
        "whom the forger never met, is trained afterwards.",
    ),
    "generate_2d": Chapter(
        "Learning the arrows",
        (
            "For pictures nobody can calculate the score; it must be learned from examples. A small network"
            " is shown points that have been moved by noise, and is asked which way they came. What it "
            "learns in this manner is the score, and thereby the probability distribution of the examples: "
            "where points are common, rare, or missing.",
            "In two dimensions the learned arrows can be laid beside the exact ones, and new points beside real ones.",
        ),
    ),
    "generate_digits": Chapter(
        "Digits out of noise",
        (
            "An image of 8 by 8 pixels is a point in a space of 64 dimensions, and handwritten digits fill "
            "only a tiny part of it. A small network has just been trained, while you waited, on about "
            "1,250 real digits. It starts from pure noise, and step by step the noise it believes to see is"
            " taken away, until a digit stands there.",
            "Nobody drew these digits. They are judged beside real ones that the network never saw: are "
            "they as varied, does a classifier find all ten digits in them, and are they new rather than "
            "copies of the training images?",
        ),
        "The drop and the digits are the same physics with one difference: the drop's arrows were "
        "calculated, these were learned, and are therefore only nearly right. How nearly is what the "
        "numbers say.",
    ),
    "labels": Chapter(
        "Digits on demand",
        (
            "So far the network drew whatever came. Now it is told a label while it learns, and for some of the digits "
            "the label is hidden from it. It thus learns two arrows: towards any digit, and towards the one that is "
            "named. Their difference is what the name adds, and one may weigh it.",
            "Weighed at zero the name is not heard. At one the digits are as varied as real ones of that class, and "
            "beyond that they become clearer and more alike. Each row begins with one and the same noise: only the "
            "label differs.",
        ),
    ),
    "prompts": Chapter(
        "A thin slanted seven, please",
        (
            "A prompt is several labels at once. Each real digit was measured: how heavy its stroke is, how it leans, "
            "how wide it is. From this comes its caption, and from captions the network learns what words do to ink.",
            "Some pairs of words it never met together while it learned. It draws them all the same, since each word "
            "pulls with an arrow of its own and arrows can be added.",
        ),
        "It knows nineteen words, in English and Italian, and understands none of them: a word is an arrow, no more. "
        "Any other word is an error that says which ones there are.",
    ),
    "photo": Chapter(
        "From a photo",
        (
            "Noise need not be the start. Take a photo or a crude sketch, noise it a little, and walk back: the "
            "details become those that people write, and what it shows remains. With more noise it becomes more "
            "real and less like the start.",
            "Told its label as well, it stays that digit however much noise there was; told another, it becomes that "
            "one.",
        ),
    ),
    "halves": Chapter(
        "From half a digit",
        (
            "Where half of a picture is erased, the half that is known keeps its place and the other is drawn after "
            "it, each time another one: what could have stood there, not what stood there.",
            "Is that any good as a guess? The digits are dealt into parts, and each part is completed by a network "
            "that learned from the others. It guesses the erased pixels better than the most similar digit it knows.",
        ),
        "A draw is one possibility, not the best guess. Whoever wants the best guess takes the mean of many draws, "
        "which is blurred, as best guesses are.",
    ),
}

FRAME = Frame(
    title="Ink in water, images in noise",
    lead="A drop of ink spreads in water and never comes back. An image, noised step by step, dissolves "
    "and, with what a network has learned, does come back. This page shows, with numbers, that the two"
    " are one process. All of it was computed on this machine, just now.",
    reading="The figures are measurements on simulated particles and real handwritten digits. Under each "
    "stands a table: what was measured beside what theory demands, and how far apart they are in "
    "units of the standard error (z). Within 5 is a pass.",
    all_passed="All {total} checks passed.",
    some_failed="{failed} of {total} checks failed.",
    broken="{broken} of {parts} parts stopped with an error.",
    crashed="This part stopped with an error:",
    caution="Where the comparison limps",
    checks="{passed} of {total} checks passed",
    columns=("check", "measured", "expected", "standard error", "z", "verdict"),
    passed="pass",
    failed="FAIL",
    footer="Made by inkdiff {version} in {seconds} s on {machine}. The same seed gives the same figures. To"
    " repeat: {command}",
)
