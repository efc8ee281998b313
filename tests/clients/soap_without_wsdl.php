<?php
// PHP's SoapClient without a WSDL, in several WAYS. Usage: php soap_without_wsdl.php http://host:port WAY KONTO PASSWD TEXT...

ini_set('default_socket_timeout', '20');

const NS = 'http://web.smscom.se/sendsms/';
const WAYS = array(
    'rpc' => array(),
    'rpc 1.2' => array('soap_version' => SOAP_1_2),
    'literal' => array('style' => SOAP_DOCUMENT, 'use' => SOAP_LITERAL),
    'literal 1.2' => array('style' => SOAP_DOCUMENT, 'use' => SOAP_LITERAL, 'soap_version' => SOAP_1_2),
    'gzip' => array('compression' => SOAP_COMPRESSION_ACCEPT | SOAP_COMPRESSION_GZIP | 5),
    'latin1' => array('encoding' => 'ISO-8859-1'),
);

[, $host, $way, $konto, $passwd] = $argv;
$client = new SoapClient(null, WAYS[$way] + array('location' => $host . '/sendsms/sendsms.asmx', 'uri' => NS));

// Literal: one element that holds the others, all in the namespace, and the action of a .NET service.
function literal($operation, $values)
{
    global $client;
    $members = array();
    foreach ($values as $name => $value) {
        $members[] = new SoapVar($value, XSD_STRING, null, null, $name, NS);
    }
    $whole = new SoapVar($members, SOAP_ENC_OBJECT, null, null, $operation, NS);
    return $client->__soapCall($operation, array($whole), array('soapaction' => NS . $operation));
}

// What PHP does unless it is told otherwise: rpc, encoded, and an action with a hash.
function rpc($operation, $values)
{
    global $client;
    $named = array_map(fn ($name) => new SoapParam($values[$name], $name), array_keys($values));
    return $client->__soapCall($operation, $named);
}

function send($passwd, $text)
{
    global $call, $konto, $way;
    $text = $way === 'latin1' ? iconv('UTF-8', 'ISO-8859-1', $text) : $text;
    $message = array('till' => '46712345678', 'from' => 'iP1', 'meddelande' => $text, 'prio' => 1);
    return $call('sms', array('konto' => $konto, 'passwd' => $passwd) + $message);
}

$call = str_starts_with($way, 'literal') ? 'literal' : 'rpc';
echo json_encode(array(
    'refused' => send('wrong', 'x'),
    'balances' => array($call('balans', array('konto' => $konto, 'passwd' => $passwd))),
    'ids' => array_map(fn ($text) => send($passwd, $text), array_slice($argv, 5)),
));
