/**
 * Questions for a corpus that drafts are trained on. They are of the kinds that Spec-Bench asks, but none is
 * Spec-Bench's: translation, facts, arithmetic in words, conversations of two turns, and texts to write; with passages
 * also summaries and questions about a passage. Kinds take turns. The words are in topics.ts.
 */
import { type Draw as Choices, different } from "./draw.ts";
import { COUNTRIES, FAMOUS, GERMAN, PEOPLE, PLACES, PROGRAMS, THINGS, TOPICS, TRADES } from "./topics.ts";

/** Subjects of questions beside the lists of topics.ts. An empty list: no questions of its kind. */
interface Sources {
  /** Texts to summarise and ask about. */
  readonly passages: readonly string[];
  /** Things to ask about. */
  readonly topics: readonly string[];
  /** German sentences to translate. */
  readonly sentences: readonly string[];
}

/** Random choices of one question. */
interface Draw extends Choices {
  /** A subject: one time in four, or where the sources have none, from topics.ts. */
  topic(): string;
}

/** Joins the parts of a question. As a template literal they would be one line that no formatter breaks. */
const join = (...parts: readonly (string | number)[]): string => parts.join("");

type Kind = (draw: Draw) => readonly string[];

const translation =
  (sentences: readonly string[]): Kind =>
  ({ of, number }) => [
    join(
      of([
        "Translate German to English: ",
        "Translate German to English: ",
        "Translate to English: ",
        "What does this mean in English? ",
      ]),
      sentences.length > 0 && number(1, 4) > 1
        ? of(sentences)
        : `${of(GERMAN.subjects)} ${of(GERMAN.middles)}${of(GERMAN.ends)}`,
    ),
  ];

const fact: Kind = (draw) => {
  const { of } = draw;
  return [
    of<(d: Draw) => string>([
      ({ of }) => `who ${of(["invented", "made", "was behind", "is known for"])} ${of(FAMOUS)}?`,
      ({ of }) => `When was ${of(FAMOUS)} made?`,
      ({ of }) =>
        join(
          "where does most of the ",
          of(["coffee", "rice", "gold", "oil", "wool", "wheat", "tea", "cotton"]),
          " in ",
          of(COUNTRIES),
          " come from?",
        ),
      ({ of }) => `What is the capital of ${of(COUNTRIES)}, and how many people live there?`,
      ({ of }) =>
        join(
          "what is the ",
          of([
            "longest river",
            "highest mountain",
            "largest city",
            "national animal",
            "main language",
            "oldest university",
            "currency",
          ]),
          " of ",
          of(COUNTRIES),
          "?",
        ),
      ({ of, topic }) =>
        `how ${of(["old are", "important are", "common are", "useful are", "dangerous are"])} ${topic()}?`,
      ({ topic }) => `why do people care about ${topic()}?`,
      ({ topic }) => `What is the difference between ${topic()} and ${topic()}?`,
      ({ of }) =>
        join(
          "when did ",
          of(COUNTRIES),
          " ",
          of(["become independent", "join the United Nations", "first host the Olympics", "get its constitution"]),
          "?",
        ),
      ({ of, topic }) => `who plays the ${of(TRADES)} in the film about ${topic()}?`,
      ({ of }) => `Who was the first ${of(TRADES)} in ${of(COUNTRIES)}?`,
      ({ of }) => `what does a ${of(TRADES)} do all day?`,
      ({ of, topic }) =>
        join(
          "what ",
          of(["is", "is the meaning of", "is the origin of", "is the purpose of", "does it mean to have"]),
          " ",
          topic(),
          "?",
        ),
      ({ of, topic }) =>
        join(
          of([
            "where do you find",
            "where was",
            "when was the first",
            "who wrote the book on",
            "who is the most famous",
            "what kind of thing is",
          ]),
          " ",
          topic(),
          "?",
        ),
      ({ of, topic }) =>
        `how many ${of(["kinds of", "people know", "countries have", "years did it take to make"])} ${topic()}?`,
      ({ of, topic }) =>
        `Name ${of(["a country", "a book", "a person", "an animal", "a year"])} that is known for ${topic()}.`,
      ({ of, number }) => `what happened in ${of(COUNTRIES)} in ${number(1780, 2015)}?`,
      ({ of, topic }) =>
        join(
          of(["Is", "Was"]),
          " there ",
          topic(),
          " in ",
          of(PLACES),
          of(["", " in the 19th century", " before 1900", " today"]),
          "?",
        ),
    ])(draw),
  ];
};

const sum: Kind = (draw) => [
  draw.of<(d: Draw) => string>([
    ({ of, number }) => {
      const [who, thing] = [of(PEOPLE), of(THINGS)];
      return join(
        who,
        " has ",
        number(8, 60),
        " ",
        thing,
        ". ",
        of(PEOPLE),
        " gives ",
        who,
        " ",
        number(2, 30),
        " more, and then ",
        who,
        " gives away ",
        number(2, 8),
        " of them. How many ",
        thing,
        " does ",
        who,
        " have now?",
      );
    },
    ({ of, number }) =>
      join(
        "A ",
        of(TRADES),
        " in ",
        of(PLACES),
        " sells ",
        number(5, 40),
        " ",
        of(THINGS),
        " a day at $",
        number(2, 15),
        " each. How much money is that in ",
        number(2, 8),
        " weeks?",
      ),
    ({ of, number }) => {
      const [a, b] = [of(PEOPLE), of(PEOPLE)];
      return join(
        a,
        " is ",
        number(2, 9),
        " years older than ",
        b,
        ". In ",
        number(2, 12),
        " years ",
        b,
        " will be ",
        number(20, 50),
        ". How old is ",
        a,
        " today?",
      );
    },
    ({ of, number }) =>
      join(
        of(PEOPLE),
        " drives at ",
        number(3, 8) * 10,
        " miles per hour for ",
        number(2, 6),
        " hours, then at ",
        number(2, 7) * 10,
        " miles per hour for ",
        number(1, 4),
        " hours. How far is that in total?",
      ),
    ({ of, number }) =>
      join(
        "There are ",
        number(4, 20) * 5,
        " ",
        of(THINGS),
        " in a box. ",
        number(1, 4) * 20,
        "% of them are red and the rest are blue. ",
        of(PEOPLE),
        " takes out ",
        number(1, 5),
        " red ones. How many red ones are left?",
      ),
    ({ of, number }) =>
      join(
        of(PEOPLE),
        " buys ",
        number(2, 9),
        " ",
        of(THINGS),
        " for $",
        number(2, 12),
        " each and ",
        number(2, 9),
        " ",
        of(THINGS),
        " for $",
        number(1, 9),
        " each, and pays with a $",
        of([50, 100, 200]),
        " bill. How much change is there?",
      ),
    ({ number, topic }) =>
      join(
        "A class of ",
        number(18, 34),
        " children goes to see ",
        topic(),
        ". A ticket costs $",
        number(3, 12),
        ", half price for every third child. What does the class pay?",
      ),
    ({ of, number }) =>
      join(
        of(PEOPLE),
        " reads ",
        number(10, 40),
        " pages a day. The book has ",
        number(10, 40) * 20,
        " pages, and ",
        number(20, 90),
        " are read already. How many days will it take to finish it?",
      ),
    ({ of, number }) =>
      join(
        "If ",
        number(2, 6),
        " workers build a wall in ",
        number(4, 20),
        " days, how long do ",
        number(7, 12),
        " workers need? ",
        of(["Explain your steps.", "Show your work.", ""]),
      ),
    ({ of, number, topic }) => {
      const [who, other] = [of(PEOPLE), of(PEOPLE)];
      return join(
        who,
        " and ",
        other,
        " collect ",
        of(THINGS),
        " for a display on ",
        topic(),
        ". ",
        who,
        " brings ",
        number(2, 5),
        " times as many as ",
        other,
        ", who brings ",
        number(4, 25),
        ". ",
        number(2, 9),
        " of all of them are broken and thrown away. How many are on display?",
      );
    },
    ({ of, number }) =>
      join(
        "A recipe needs ",
        number(2, 6),
        " cups of flour for ",
        number(6, 12) * 2,
        " pieces. ",
        of(PEOPLE),
        " wants to make ",
        number(3, 9) * 12,
        " pieces and has ",
        number(4, 12),
        " cups of flour at home. How many more cups are needed?",
      ),
    ({ of, number }) =>
      join(
        of(PEOPLE),
        " earns $",
        number(9, 30),
        " an hour as a ",
        of(TRADES),
        " and works ",
        number(4, 9),
        " hours a day, ",
        number(3, 6),
        " days a week. Taxes take ",
        number(1, 4) * 10,
        "% of it, and rent is $",
        number(2, 8) * 50,
        " a week. What is left after ",
        number(2, 6),
        " weeks?",
      ),
    ({ of, number }) =>
      join(
        "In ",
        of(PLACES),
        ", ",
        of(["a bus", "a train", "a ferry"]),
        " leaves every ",
        number(2, 9) * 5,
        " minutes and takes ",
        number(20, 80),
        " passengers. How many passengers can it take between ",
        number(6, 10),
        " am and ",
        number(1, 8),
        " pm?",
      ),
    ({ of, number }) =>
      join(
        of(PEOPLE),
        "'s garden is ",
        number(6, 40),
        " feet long and ",
        number(4, 20),
        " feet wide. A fence costs $",
        number(3, 18),
        " a foot, and a gate of ",
        number(3, 6),
        " feet costs $",
        number(40, 150),
        ". How much does it cost to fence the garden with one gate?",
      ),
    ({ of, number }) =>
      join(
        "On Monday ",
        of(PEOPLE),
        " sold ",
        number(12, 60),
        " ",
        of(THINGS),
        ", on Tuesday ",
        of(["half as many", "twice as many", "a third more", `${number(3, 12)} fewer`]),
        ", and on Wednesday ",
        number(5, 40),
        ". How many is that on average?",
      ),
    ({ of, number }) =>
      join(
        "A ",
        of(THINGS),
        " shop gives ",
        number(1, 5) * 10,
        "% off. The old price was $",
        number(5, 60),
        ", and ",
        of(PEOPLE),
        " buys ",
        number(2, 9),
        ". ",
        of(["What is the total?", "How much is saved?", "What is the price of each now?"]),
      ),
    ({ number }) => `Solve for x: ${number(2, 12)}x + ${number(1, 30)} = ${number(40, 120)}`,
    ({ number }) => `What is ${number(12, 99)} * ${number(3, 29)}? Then subtract ${number(10, 200)} from it.`,
  ])(draw),
];

const chat: Kind = (draw) =>
  draw.of<(d: Draw) => readonly string[]>([
    ({ of, topic }) => [
      join(
        "Write a ",
        of(["blog post", "short story", "speech", "letter to the editor", "poem", "product description"]),
        " about ",
        topic(),
        ".",
      ),
      of([
        "Now make it half as long.",
        "Rewrite it for children.",
        "Change the tone to a humorous one.",
        "Give it a title and three headings.",
      ]),
    ],
    ({ of, topic }) => [
      `Act as a ${of(TRADES)}. I will ask you for advice. My first question is: what should I know about ${topic()}?`,
      of(["How long would that take?", "What is the most common mistake?", "And if I have no money for it?"]),
    ],
    ({ of, number }) => [
      `${of(PEOPLE)} is taller than ${of(PEOPLE)}, and ${of(PEOPLE)} is taller than both. Who is the tallest, and why?`,
      `What if a fourth person joins who is ${number(2, 9)} inches shorter than the tallest?`,
    ],
    ({ of }) => [
      join(
        "Write a ",
        of(["Python", "Python", "JavaScript", "C++", "Java"]),
        " ",
        of(["function", "program"]),
        " that ",
        of(PROGRAMS),
        ".",
      ),
      of([
        "How would you test it?",
        "What is its time complexity?",
        "Can you make it shorter?",
        "Explain it line by line.",
      ]),
    ],
    ({ of, topic }) => [
      join(
        "Give me ",
        of(["five", "three", "ten"]),
        " ",
        of(["tips", "facts", "reasons", "ideas", "questions"]),
        " about ",
        topic(),
        ".",
      ),
      "Which of them is the most important one, and why?",
    ],
    ({ of, topic }) => [
      `Explain how ${topic()} and ${topic()} are connected, for somebody who knows nothing about either.`,
      of(["Can you give me an example?", "Put that into one sentence.", "Where can I read more about it?"]),
    ],
    ({ of, topic }) => [
      `Plan a ${of(["weekend", "day", "week"])} in ${of(PLACES)} for a family that likes ${topic()}.`,
      of(["It will rain. What changes?", "We only have a small budget.", "Make a packing list for it."]),
    ],
    ({ of }) => [
      join(
        "List the names, dates and places in this text as JSON: ",
        of(PEOPLE),
        " moved from ",
        of(PLACES),
        " to ",
        of(PLACES),
        " in ",
        of(["1987", "1999", "2004", "2015"]),
        " to work as a ",
        of(TRADES),
        ", and met ",
        of(PEOPLE),
        " there in ",
        of(["2006", "2011", "2018"]),
        ".",
      ),
      "Now as a table.",
    ],
  ])(draw);

/** Asks for texts, from which later questions take their passages. */
const passage: Kind = ({ of, topic }) => [
  of([
    `Write a newspaper article of four paragraphs about ${topic()} in ${of(PLACES)}. Quote a ${of(TRADES)}.`,
    `Write a long encyclopedia article about ${topic()}.`,
    join(
      "Write a report on what happened when ",
      of(PEOPLE),
      ", a ",
      of(TRADES),
      " from ",
      of(PLACES),
      ", found out about ",
      topic(),
      ".",
    ),
    `Write the history of ${topic()} in ${of(COUNTRIES)}, with names and years.`,
  ]),
];

/** Whether an answer is long enough for a passage and does not loop. */
export function isPassage(text: string): boolean {
  const words = text.split(/\s+/);
  const fours = new Set(words.map((_, i) => words.slice(i, i + 4).join(" ")));
  return words.length > 60 && fours.size > 0.9 * words.length;
}

const summary =
  (passages: readonly string[]): Kind =>
  ({ of }) => [
    `${of(["Summarize: ", "Summarize: ", "Summarize the following text: ", "What is this about? "])}${of(passages)}`,
  ];

const retrieval =
  (passages: readonly string[]): Kind =>
  ({ of, topic }) => [
    join(
      of(passages),
      "\n",
      of(passages),
      "\n\n",
      of(["Based on these passages, answer:", "Answer from the text above:", "Using the passages, say:", "Question:"]),
      " ",
      of([
        "who is mentioned first?",
        "what is the main point?",
        "when did it happen?",
        "why does it matter?",
        "what do the passages have in common?",
        "how does it end?",
        `what does it say about ${topic()}?`,
      ]),
    ),
  ];

/**
 * `count` different questions, each the user's turns of a conversation; fewer if chance finds no new ones. The same
 * seed and sources give the same questions. Without passages, questions ask the target to write some.
 */
export function questions(count: number, seed: number, sources: Sources): Generator<readonly string[]> {
  const kinds = kindsOf(sources);
  return different(count, seed, (n, draw) => kinds[n % kinds.length]!(draw));
}

/** The kinds of questions that these sources allow; translation is the first. */
export function kindsOf(sources: Sources): readonly ((draw: Choices) => readonly string[])[] {
  const { passages, topics, sentences } = sources;
  const kinds: readonly Kind[] =
    passages.length > 0
      ? [translation(sentences), summary(passages), fact, sum, retrieval(passages), chat]
      : [translation(sentences), fact, sum, chat, passage];
  return kinds.map((kind) => ({ of, number }) => {
    const topic = () => of(topics.length > 0 && number(1, 4) > 1 ? topics : TOPICS);
    return kind({ of, number, topic });
  });
}
