import {
  type CanActivate,
  Catch,
  Controller,
  type ExceptionFilter,
  Module,
  type NestInterceptor,
  type PipeTransform,
  type Type,
  UseFilters,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { Ctx, EventPattern, MessagePattern, Payload, RpcException } from '@nestjs/microservices';
import { map, of, throwError } from 'rxjs';
import { type Delivery, type ListResult } from '#runtime/delivery';
import { InProcessContext } from '#runtime/in-process-server';
import { type Gate } from './gate.ts';

interface Numbered {
  readonly n: number;
}
type List = readonly Delivery<Numbered>[];

export interface Noted {
  /** What each piece saw, in order: a list piece notes one entry per list. */
  readonly seen: Readonly<Record<'guard' | 'interceptor' | 'pipe' | 'filter', unknown[]>> & { readonly lists: List[] };
  readonly events: unknown[];
  /** What the handlers named `slow` and `mixed` wait for. */
  readonly gate: Gate;
}

/** Handlers of every kind, for lists and for one message, with guards, pipes and filters that note what they see. */
export function notingModule(given: Noted): Type {
  class CountingGuard implements CanActivate {
    canActivate(context: Parameters<CanActivate['canActivate']>[0]): boolean {
      given.seen.guard.push(context.switchToRpc().getData());
      return true;
    }
  }
  const countingInterceptor: NestInterceptor = {
    intercept: (_, next) => {
      given.seen.interceptor.push('in');
      return next.handle().pipe(map((result: unknown) => result));
    },
  };
  const countingPipe: PipeTransform = {
    transform: (value: unknown) => {
      given.seen.pipe.push(value);
      return value;
    },
  };
  @Catch()
  class CountingFilter implements ExceptionFilter {
    catch(exception: Error) {
      given.seen.filter.push(exception);
      return throwError(() => ({ ok: false, code: 'FILTERED' }));
    }
  }

  @Controller()
  class ListController {
    @MessagePattern('list.double', { list: true })
    @UseGuards(CountingGuard)
    @UseInterceptors(countingInterceptor)
    double(@Payload(countingPipe) list: List, @Ctx() context: InProcessContext): ListResult<object> {
      given.seen.lists.push(list);
      return list.map(({ request }) => ({ n: request.n * 2, topic: context.getTopic() }));
    }

    @MessagePattern('list.guarded', { list: true })
    @UseGuards({ canActivate: () => false })
    guarded(@Payload() list: List): ListResult<object> {
      return list.map(() => ({}));
    }

    @MessagePattern('list.filtered', { list: true })
    @UseFilters(CountingFilter)
    filtered(@Payload() list: List): ListResult<object> {
      throw new Error(`secret ${list.length}`);
    }

    @MessagePattern('list.rpc-exception', { list: true })
    rpcException(@Payload() list: List): ListResult<object> {
      throw list[0]?.request.n === 0 ? new RpcException('no') : new RpcException({ ok: false, code: 'NO' });
    }

    @MessagePattern('list.throws', { list: true })
    throws(): ListResult<object> {
      throw new Error('the secret cause');
    }

    @MessagePattern('list.short', { list: true })
    short(@Payload() list: List): ListResult<object> {
      return list.slice(1).map(() => ({}));
    }

    @MessagePattern('list.no-list', { list: true })
    noList(): unknown {
      return { ok: true };
    }

    @MessagePattern('list.mixed', { list: true })
    mixed(@Payload() list: List): ListResult<object> {
      return list.map(({ request: { n } }) => {
        if (n === 0) return { n };
        return given.gate.promise.then(() => {
          if (n === 1) throw new RpcException({ code: 'ONE' });
          if (n === 2) throw new Error('the secret cause');
          return { n };
        });
      });
    }

    @MessagePattern('list.odd-replies', { list: true })
    oddReplies(): ListResult<unknown> {
      const cycle: Record<string, unknown> = {};
      cycle['self'] = cycle;
      return [{ fine: true }, { big: 1n }, cycle, undefined, { key: 'k' }, false];
    }

    @MessagePattern('list.slow', { list: true })
    async slow(@Payload() list: List): Promise<ListResult<object>> {
      given.seen.lists.push(list);
      await given.gate.promise;
      return list.map(({ request }) => request);
    }

    @EventPattern('list.noted', { list: true })
    noted(@Payload() list: List): void {
      given.events.push(list.map(({ request }) => request));
    }
  }

  @Controller()
  class SingleController {
    @MessagePattern('single.echo')
    @UseGuards(CountingGuard)
    echo(@Payload() payload: unknown): unknown {
      return payload;
    }

    @MessagePattern('single.nothing')
    nothing(): void {
      return undefined;
    }

    @MessagePattern('single.stream')
    stream(): unknown {
      return of({ n: 1 }, { n: 2 }, { n: 3 });
    }

    @MessagePattern('single.rpc-exception')
    rpcException(): never {
      throw new RpcException('no');
    }

    @MessagePattern('single.throws')
    throws(): never {
      throw new Error('the secret cause');
    }

    @MessagePattern('single.slow')
    async slow(@Payload() payload: unknown): Promise<unknown> {
      given.events.push(payload);
      await given.gate.promise;
      return payload;
    }

    @MessagePattern('__proto__')
    proto(): object {
      return { ok: '__proto__' };
    }

    @MessagePattern('constructor')
    theConstructor(): object {
      return { ok: 'constructor' };
    }

    @EventPattern('single.noted')
    noted(@Payload() payload: unknown): void {
      given.events.push(payload);
    }

    @EventPattern('single.failing-event')
    failingEvent(@Payload() _payload: unknown): void {
      throw new Error('nobody to tell');
    }
  }

  @Module({ controllers: [ListController, SingleController] })
  class TestModule {}
  return TestModule;
}
