/* Trains a FANN network one sample at a time over rows in their order; called through ctypes.

   FANN's sigmoid is 1 / (1 + exp(-2 s x)), so a steepness s of 0.5 makes it the usual one, its
   linear error function makes it descend half the squared error, and momentum is 0 by default.
   A layer's last "neuron" is its bias. FANN takes the derivative at outputs held within
   [0.01, 0.99], which makes no difference as long as nothing saturates. */
#include <fann.h>
#include <string.h>

struct fann *network_make(unsigned layers, const unsigned *units, float rate)
{
    struct fann *network = fann_create_standard_array(layers, units);
    if (network == NULL)
        return NULL;
    fann_set_activation_function_hidden(network, FANN_SIGMOID);
    fann_set_activation_function_output(network, FANN_SIGMOID);
    fann_set_activation_steepness_hidden(network, 0.5f);
    fann_set_activation_steepness_output(network, 0.5f);
    fann_set_training_algorithm(network, FANN_TRAIN_INCREMENTAL);
    fann_set_train_error_function(network, FANN_ERRORFUNC_LINEAR);
    fann_set_learning_rate(network, rate);
    fann_set_learning_momentum(network, 0.0f);
    return network;
}

/* FANN's order: layer by layer, neuron by neuron, its weights and then its bias. Returns how many
   numbers it took. */
unsigned network_start(struct fann *network, const fann_type *weights)
{
    memcpy(network->weights, weights, network->total_connections * sizeof *weights);
    return network->total_connections;
}

/* Returns half the squared error of the last sample, before its update. */
float network_train(struct fann *network, fann_type *x, fann_type *y, unsigned rows)
{
    unsigned inputs = fann_get_num_input(network), outputs = fann_get_num_output(network);
    for (unsigned row = 0; row < rows; row++)
        fann_train(network, x + (size_t)row * inputs, y + (size_t)row * outputs);
    float loss = 0.0f;
    for (unsigned j = 0; rows && j < outputs; j++) {
        float error = network->output[j] - y[(size_t)(rows - 1) * outputs + j];
        loss += 0.5f * error * error;
    }
    return loss;
}
