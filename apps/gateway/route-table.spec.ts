import { describe, expect, it } from '@jest/globals';
import { RouteTable } from './route-table.ts';

const routes = new RouteTable();
routes.add('GET', '/keys');
routes.add(['POST', 'GET'], '/keys');
routes.add('GET', '/keys/:id');
routes.add('POST', '/keys/:id/roll');

describe('the methods of a path', () => {
  it.each([
    ['/keys', ['GET', 'POST']],
    ['/keys/?a=/keys/1', ['GET', 'POST']],
    ['/keys/1', ['GET']],
    ['/keys/1/roll/', ['POST']],
    ['/keys/1/roll/2', []],
    ['/', []],
    ['', []],
    ['/keysx', []],
  ])('%s', (url, methods) => expect(routes.methodsOf(url)).toEqual(methods));
});
