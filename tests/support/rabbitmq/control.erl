%% Evaluates what the test process asks for, in the node itself: a thousandth of what a command-line tool costs.
%% An answer is a byte (0: the value, 1: why there is none) and UTF-8: text as it is, another term as it is printed.
{ok, [[Port]]} = init:get_argument(rpc_control_port).

Text = fun(Term) ->
    case catch unicode:characters_to_binary(Term) of
        Characters when is_binary(Characters) -> Characters;
        _ -> unicode:characters_to_binary(io_lib:format("~0tp", [Term]))
    end
end.

Evaluate = fun(Source) ->
    try
        {ok, Tokens, _} = erl_scan:string(unicode:characters_to_list(Source)),
        {ok, Expressions} = erl_parse:parse_exprs(Tokens),
        {value, Value, _} = erl_eval:exprs(Expressions, []),
        [0, Text(Value)]
    catch
        Class:Reason -> [1, Text(io_lib:format("~0tp: ~0tp", [Class, Reason]))]
    end
end.

spawn(fun() ->
    {ok, Link} = gen_tcp:connect({127, 0, 0, 1}, list_to_integer(Port), [binary, {packet, 4}, {active, false}]),
    (fun Serve() ->
        case gen_tcp:recv(Link, 0) of
            {ok, Source} -> ok = gen_tcp:send(Link, Evaluate(Source)), Serve();
            {error, _} -> gen_tcp:close(Link)
        end
    end)()
end).
