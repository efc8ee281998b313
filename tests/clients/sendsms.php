<?php
// PHP as the provider's sample of the GET endpoint: a GET with a body. Usage: php sendsms.php http://host:port ACC PASS TEXT...

[, $host, $acc, $pass] = $argv;

function send($pass, $text)
{
    global $host, $acc;
    $message = array('msg' => $text, 'from' => 'iP1', 'to' => '46712345678', 'prio' => '1', 'type' => '');
    $data = http_build_query(array('acc' => $acc, 'pass' => $pass) + $message);
    $header = 'Content-type: application/x-www-form-urlencoded';
    $options = array('http' => array('method' => 'GET', 'header' => $header, 'content' => $data, 'timeout' => 20));
    return file_get_contents($host . '/sendsms.aspx?' . $data, false, stream_context_create($options));
}

echo json_encode(array(
    'refused' => send('wrong', 'x'),
    'ids' => array_map(fn ($text) => send($pass, $text), array_slice($argv, 4)),
));
