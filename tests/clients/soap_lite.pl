# Perl's SOAP::Lite, in several WAYS. Usage: perl soap_lite.pl http://host:port WAY KONTO PASSWD TEXT...

use strict;
use warnings;
use Encode 'decode_utf8';
use SOAP::Lite;

my ($host, $way, $konto, $passwd, @texts) = @ARGV;
my $ns = 'http://web.smscom.se/sendsms/';
my $address = "$host/sendsms/sendsms.asmx";

# The recipe for .NET services: their action, their namespace, and no types.
sub dotnet {
    my $client = SOAP::Lite->proxy($address, timeout => 20)->default_ns($ns)->on_action(sub { join '', @_ });
    return $client->autotype(0);
}

my %ways = (
    'dotnet' => sub { dotnet() },
    'dotnet 1.2' => sub { dotnet()->soapversion('1.2') },
    'defaults' => sub { SOAP::Lite->proxy($address, timeout => 20)->default_ns($ns) },
    'wsdl' => sub { SOAP::Lite->service("$address?wsdl") },
);
my $client = $ways{$way}->();

sub call {
    my ($operation, @pairs) = @_;
    my @values;
    while (my ($name, $value) = splice(@pairs, 0, 2)) {
        push @values, SOAP::Data->name($name => $value);
        $values[-1]->type('string') if $name eq 'meddelande';
    }
    my $answer = $client->$operation(@values);
    return ref $answer ? $answer->fault ? die $answer->faultstring : $answer->result : $answer;
}

sub send_sms {
    my ($passwd, $text) = @_;
    my @message = (till => '46712345678', from => 'iP1', meddelande => decode_utf8($text), prio => 1);
    return call('sms', konto => $konto, passwd => $passwd, @message);
}

my $refused = send_sms('wrong', 'x');
my $balance = call('balans', konto => $konto, passwd => $passwd);
my $ids = join ', ', map { '"' . send_sms($passwd, $_) . '"' } @texts;
print qq({"refused": "$refused", "balances": ["$balance"], "ids": [$ids]});
