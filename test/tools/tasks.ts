/** Tools of many shapes, and thirty questions that each want one of them. */

const object = (properties: Readonly<Record<string, object>>, required = Object.keys(properties)) => ({
  ...{ type: "object", properties, required },
  additionalProperties: false,
});
const text = { type: "string" };
const whole = { type: "integer" };

const PARAMETERS = {
  get_weather: {
    description: "Weather of a city on a day",
    parameters: object({ city: text, unit: { enum: ["celsius", "fahrenheit"] } }),
  },
  convert: {
    description: "Converts an amount of money",
    parameters: object({ amount: { type: "number" }, from: text, to: text }),
  },
  set_light: {
    description: "Switches the light of a room",
    parameters: object({ room: text, on: { type: "boolean" }, percent: { ...whole, minimum: 0, maximum: 100 } }),
  },
  create_event: {
    description: "Puts an event into the calendar",
    parameters: object({ title: text, at: object({ day: text, hour: { ...whole, minimum: 0, maximum: 23 } }) }),
  },
  sum: {
    description: "Adds numbers",
    parameters: object({ numbers: { type: "array", items: whole, minItems: 1, maxItems: 8 } }),
  },
  stop_all: { description: "Stops everything that runs, at once", parameters: object({}) },
} as const;

export type ToolName = keyof typeof PARAMETERS;

export const TOOLS = Object.entries(PARAMETERS).map(([name, tool]) => ({
  type: "function" as const,
  function: { name, ...tool },
}));

export const schemaOf = (name: string): object => PARAMETERS[name as ToolName].parameters;

export interface Task {
  readonly question: string;
  readonly tool: ToolName;
}

const QUESTIONS: Readonly<Record<ToolName, readonly string[]>> = {
  get_weather: [
    "What is the weather in Paris, in celsius?",
    "How warm is it in Boston? Use fahrenheit.",
    "Do I need an umbrella in Oslo today? Use celsius.",
    'Weather in "São Paulo", please, in celsius.',
    "Is it cold in Tokyo, in celsius?",
  ],
  convert: [
    "Convert 25 euros to US dollars.",
    "How many yen are 3.5 pounds?",
    "What are 1000 Swiss francs in euros?",
    "Change 12 dollars to pesos.",
    "Convert 0.99 USD to EUR.",
  ],
  set_light: [
    "Switch on the kitchen light at 80 percent.",
    "Turn the light in the bedroom off, 0 percent.",
    "Dim the living room light to 20 percent.",
    "Light in the garage on at full power.",
    "Set the hall light to half.",
  ],
  create_event: [
    "Put a meeting with Ann into my calendar on Monday at 9.",
    "Lunch with Bob on Friday at 12.",
    "Add the event Dentist on Tuesday at 15 o'clock.",
    "Schedule a call on Sunday at 8 in the morning.",
    "Remind me of the concert on Saturday at 20.",
  ],
  sum: [
    "Add 3, 5 and 8.",
    "What is 12 plus 30 plus 7?",
    "Sum of -4 and 10?",
    "Add up 1, 2, 3, 4.",
    "What is 100 plus 250?",
  ],
  stop_all: [
    "Stop everything at once!",
    "Halt all that runs.",
    "Emergency: shut everything down.",
    "Stop all now.",
    "Please end everything that is running.",
  ],
};

/** In turn, so that the first of them have tools of each shape. */
export const TASKS: readonly Task[] = [0, 1, 2, 3, 4].flatMap((at) =>
  (Object.keys(QUESTIONS) as ToolName[]).map((tool) => ({ tool, question: QUESTIONS[tool][at]! })),
);
