import { Catch, Logger, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { type FastifyReply } from 'fastify';
import { type HttpProblem } from './http-problem.ts';
import { internalError, problemOfError } from './problem-of-error.ts';
import { resetHeaders } from './standing-headers.ts';

/** Every error of every route leaves in the envelope; a fault that nobody foresaw is logged, and not told. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  readonly #logger = new Logger('Gateway');

  catch(error: unknown, host: ArgumentsHost): void {
    const problem = problemOfError(error);
    if (problem === undefined) this.#logger.error(error);
    sendProblem(host.switchToHttp().getResponse<FastifyReply>(), problem ?? internalError());
  }
}

export function sendProblem(reply: FastifyReply, problem: HttpProblem): void {
  // The answer of a request that was already given up on.
  if (reply.sent) return;
  resetHeaders(reply);
  void reply.status(problem.status).headers(problem.headers).send(problem.envelope);
}
