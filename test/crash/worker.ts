import { XmlElement } from '../../src/cli/xml.ts';
import { type QueryClient, Unanswered } from '../support/query-client.ts';
import type { Random } from '../support/random.ts';
import { type Book, canonical, difference, emptyBook } from './book.ts';
import type { Ledger } from './ledger.ts';
import { instancesOf, text } from './observe.ts';
import { nextStep, type Step } from './steps.ts';

export interface Counts {
  answered: number;
  refused: number;
  unanswered: number;
  /** Unanswered calls of which the whole effect was there, and of which nothing was. */
  happened: number;
  vanished: number;
  /** Launches that were repeated with the token of one that was not answered. */
  repeated: number;
}

/** A client with resources of its own. It makes one call after the other and keeps book of what must be true. */
export class Worker {
  readonly name: string;
  readonly problems: string[] = [];
  readonly #counts: Counts;
  readonly #random: Random;
  readonly #serial: () => number;
  /** Of this worker alone: the last call in it is that of the step under way. */
  readonly #ledger: Ledger;
  #book: Book = emptyBook;
  /** The call that was under way when the server was killed. */
  #pending: Step | undefined;

  constructor(name: string, options: { counts: Counts; random: Random; serial: () => number; ledger: Ledger }) {
    this.name = name;
    this.#counts = options.counts;
    this.#random = options.random;
    this.#serial = options.serial;
    this.#ledger = options.ledger;
  }

  /** Instances that this worker knows of. */
  get instanceIds(): string[] {
    return Object.keys(this.#book.instances);
  }

  /** Makes calls until the server does not answer any more. @param connect a client that keeps this worker's ledger */
  async work(connect: (ledger: Ledger) => QueryClient, imageId: string): Promise<void> {
    const client = connect(this.#ledger);
    try {
      await this.#work(client, imageId);
    } finally {
      client.close();
    }
  }

  async #work(client: QueryClient, imageId: string): Promise<void> {
    const context = { worker: this.name, imageId, random: this.#random, serial: this.#serial };
    for (;;) {
      const step = nextStep(this.#book, context);
      this.#pending = step;
      try {
        const answer = await client.call(step.action, step.parameters);
        if (answer.status === 200) {
          this.#counts.answered++;
          this.#book = step.apply?.(this.#book, answer.xml) ?? this.#book;
        } else if (answer.code !== undefined && step.refusals?.includes(answer.code)) this.#counts.refused++;
        else this.problems.push(`${step.action} was answered ${answer.status} ${answer.code}: ${answer.message}`);
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        this.#counts.unanswered++;
        return;
      }
      this.#pending = undefined;
    }
  }

  /**
   * Compares what is found after a restart with the book: everything answered is there, and the one call without
   * an answer happened as a whole or not at all.
   */
  async check(client: QueryClient, found: Book): Promise<void> {
    const step = this.#pending;
    this.#pending = undefined;
    if (step?.token !== undefined) return this.#checkLaunch(client, found, step, step.token);
    if (canonical(found) === canonical(this.#book)) {
      if (step?.apply !== undefined) {
        this.#counts.vanished++;
        if (makesADifference(step, this.#book)) this.#ledger.vanished();
      }
      return;
    }
    const after = step?.settle?.(this.#book, found) ?? step?.apply?.(this.#book, new XmlElement('none'));
    if (after !== undefined && canonical(found) === canonical(after)) {
      this.#counts.happened++;
      this.#ledger.happened();
    } else {
      const call = step === undefined ? 'no call was under way' : `under way: ${JSON.stringify(step)}`;
      this.problems.push(`${this.name}: ${call}\n${difference(this.#book, found)}`);
    }
    this.#book = found;
  }

  /** Terminated instances stay visible for an hour; once verified they are not looked at after every kill. */
  forgetTerminated(): string[] {
    const gone = Object.entries(this.#book.instances).filter(([, one]) => one.state === 'terminated');
    const instances = Object.fromEntries(
      Object.entries(this.#book.instances).filter(([, one]) => one.state !== 'terminated'),
    );
    this.#book = { ...this.#book, instances };
    return gone.map(([id]) => id);
  }

  async #checkLaunch(client: QueryClient, found: Book, step: Step, token: string): Promise<void> {
    const launched = Object.keys(found.instances).filter(id => found.instances[id]?.token === token);
    const others = Object.fromEntries(Object.entries(found.instances).filter(([id]) => !launched.includes(id)));
    const rest = { ...found, instances: others };
    if (canonical(rest) !== canonical(this.#book)) this.problems.push(`${this.name}: ${difference(this.#book, rest)}`);
    if (launched.length > 0) {
      this.#counts.happened++;
      this.#ledger.happened();
    } else {
      this.#counts.vanished++;
      this.#ledger.vanished();
    }
    const again = await client.ok(step.action, step.parameters);
    this.#counts.repeated++;
    // Throws when there are not as many instances as were asked for.
    const after = step.apply?.(rest, again) ?? rest;
    const answered = again.items('instancesSet').map(item => text(item, 'instanceId'));
    if (launched.length > 0 && launched.toSorted().join() !== answered.toSorted().join())
      this.problems.push(
        `${token}: the launch made ${launched.join(', ')}, its repetition answers ${answered.join(', ')}`,
      );
    const filter = [{ Name: 'client-token', Value: [token] }];
    const listed = await client.ok('DescribeInstances', { Filter: filter });
    const ids = instancesOf(listed).map(item => text(item, 'instanceId'));
    if (ids.toSorted().join() !== answered.toSorted().join() || listed.items('reservationSet').length !== 1)
      this.problems.push(`${token}: has ${listed.items('reservationSet').length} reservations with ${ids.join(', ')}`);
    this.#book = after;
  }
}

/** Whether a book shows that a step has happened: to set what is set already does not. */
function makesADifference(step: Step, book: Book): boolean {
  // New things are told of by ids that only the answer has, or by what is found.
  if (step.settle !== undefined || step.apply === undefined) return step.settle !== undefined;
  return canonical(step.apply(book, new XmlElement('none'))) !== canonical(book);
}
