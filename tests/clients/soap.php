<?php
// PHP's SoapClient as the provider's sample uses it. Usage: php soap.php http://host:port 1.1|1.2 KONTO PASSWD TEXT...

ini_set('default_socket_timeout', '20');

[, $host, $version, $konto, $passwd] = $argv;
$options = array('soap_version' => $version === '1.2' ? SOAP_1_2 : SOAP_1_1, 'cache_wsdl' => WSDL_CACHE_NONE);
$login = array('konto' => $konto, 'passwd' => $passwd);

$sms = new SoapClient($host . '/sendsms/sendsms.asmx?wsdl', $options);
$mms = new SoapClient($host . '/mms/mms.asmx?wsdl', $options);

function send($login, $text)
{
    global $sms;
    $message = array('till' => '46712345678', 'from' => 'iP1', 'meddelande' => $text, 'prio' => '1');
    return $sms->sms($login + $message)->smsResult;
}

echo json_encode(array(
    'refused' => send(array('passwd' => 'wrong') + $login, 'x'),
    'balances' => array($sms->balans($login)->balansResult, $mms->balans($login)->balansResult),
    'ids' => array_map(fn ($text) => send($login, $text), array_slice($argv, 5)),
));
